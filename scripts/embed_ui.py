#!/usr/bin/env python3
"""Writes the files of the admin UI as one C table: scripts/embed_ui.py OUTPUT.c FILE…
A FILE is PATH, or NAME=PATH where it lies elsewhere than under ui/. The page itself (index.html) names
the folder of all others by their common hash, so that browsers may keep these for good."""
import gzip
import hashlib
import sys

TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
         "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
PAGE = "index.html"
FOLDER = b"@FOLDER@"


def read(arguments):
    files = {}
    for argument in arguments:
        name, _, path = argument.rpartition("=")
        files[name or path.split("/ui/", 1)[1]] = open(path, "rb").read()
    return files


def array(name, data):
    rows = (",".join(map(str, data[i:i + 64])) for i in range(0, len(data), 64))
    return "static const unsigned char %s[] = {\n%s};\n" % (name, ",\n".join(rows))


def main(output, arguments):
    files = read(arguments)
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode() + b"\0" + files[name] + b"\0")
    folder = whole.hexdigest()[:16]
    files[PAGE] = files[PAGE].replace(FOLDER, folder.encode())
    with open(output, "w") as out:
        out.write('#include "ui_files.h"\n\n')
        for i, name in enumerate(sorted(files)):
            out.write(array("plain_%d" % i, files[name]))
            out.write(array("packed_%d" % i, gzip.compress(files[name], 9, mtime=0)))
        out.write('\nconst char ui_folder[] = "%s";\nconst struct ui_file ui_files[] = {\n' % folder)
        for i, name in enumerate(sorted(files)):
            out.write('    {"%s", "%s", "\\"%s\\"", {(const char *)plain_%d, sizeof(plain_%d)}, '
                      '{(const char *)packed_%d, sizeof(packed_%d)}},\n'
                      % (name, TYPES[name.rsplit(".", 1)[1]],
                         hashlib.sha256(files[name]).hexdigest()[:16], i, i, i, i))
        out.write("};\nconst size_t ui_file_count = %d;\n" % len(files))


main(sys.argv[1], sys.argv[2:])
