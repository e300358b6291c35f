#!/usr/bin/env python3
"""Writes a file as a C array: scripts/embed.py INPUT NAME [sha1] > OUTPUT.c
The array is `const char NAME[]`, its length without the NUL is `const size_t NAME_size`; with sha1
its hash in hexadecimal is `const char NAME_sha1[]`."""
import hashlib
import sys

data = open(sys.argv[1], "rb").read()
name = sys.argv[2]
print("#include <stddef.h>\n\nextern const char %s[];\nextern const size_t %s_size;\n" % (name, name))
print("const char %s[] = {" % name)
for i in range(0, len(data), 32):
    print(",".join(str(b if b < 128 else b - 256) for b in data[i:i + 32]) + ",")
print("0};\nconst size_t %s_size = %d;" % (name, len(data)))
if sys.argv[3:] == ["sha1"]:
    print('extern const char %s_sha1[];\nconst char %s_sha1[] = "%s";'
          % (name, name, hashlib.sha1(data).hexdigest()))
