"""The admin UI's files: every language has every text, every text asked for is there and every one there is asked
for; nothing parses HTML or runs text; no address of another host; the build takes every file."""

import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1]) / "ui"
FORBIDDEN = [r"\b(inner|outer)HTML\b", r"insertAdjacentHTML", r"document\.write", r"\beval\b", r"new Function", r"\bstyle=",
             r"https?://(?!www\.w3\.org/)"]
TEXT = re.compile(r'^  "([^"]+)": "(.*)",$', re.M)


def texts(path):
    found = TEXT.findall(path.read_text())
    names = [name for name, _ in found]
    return dict(found), [name for name in names if names.count(name) > 1]


def places(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def check_languages(problems):
    files = sorted((ROOT / "strings").glob("*.js"))
    tables = {f.name: texts(f) for f in files}
    english, _ = tables["en.js"]
    for name, (table, doubled) in tables.items():
        problems += [f"strings/{name}: {key} is there twice" for key in doubled]
        problems += [f"strings/{name}: {key} is missing" for key in english.keys() - table.keys()]
        problems += [f"strings/{name}: {key} is not in en.js" for key in table.keys() - english.keys()]
        problems += [f"strings/{name}: {key} has other places than in en.js" for key in english.keys() & table.keys()
                     if places(table[key]) != places(english[key])]
    return english


def check_use(scripts, english, problems):
    code = "\n".join(f.read_text() for f in scripts)
    exact = set(re.findall(r'["`]([a-z_]+(?:\.[a-z0-9_]+)*)["`]', code))
    begun = set(re.findall(r"\bt\(`([a-z_.]+)\$\{", code)) | set(re.findall(r"t\(`\$\{\w+\}([a-z_.]+)", code))
    for name in set(re.findall(r'\bt\("([a-z0-9_.]+)"', code)) - english.keys():
        problems.append(f"the text {name} is asked for and not there")
    for name in english:
        if name not in exact and not any(name.startswith(start) for start in begun):
            problems.append(f"strings: nobody asks for {name}")


def main():
    problems = []
    files = [f for f in ROOT.rglob("*") if f.is_file() and f.name != "meson.build"]
    scripts = [f for f in files if f.suffix == ".js" and f.parent.name != "strings"]
    built = (ROOT / "meson.build").read_text()
    check_use(scripts, check_languages(problems), problems)
    for f in files:
        name = f.relative_to(ROOT).as_posix()
        if f"'{name}'" not in built:
            problems.append(f"meson.build does not name {name}")
        for pattern in FORBIDDEN:
            for found in re.finditer(pattern, f.read_text()):
                problems.append(f"{name}: {found.group(0)}")
    print("\n".join(problems))
    return bool(problems)


sys.exit(main())
