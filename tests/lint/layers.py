#!/usr/bin/env python3
"""Who may include whom: the table of ARCHITECTURE.md, held against every #include line.

    layers.py ROOT

Also: a header lies in include/<layer>/ if and only if something outside that layer includes it,
itself or through such a header; third-party headers appear only where the table says; project headers
form no cycle.
"""

import re
import sys
from pathlib import Path

MAY_USE = {
    "base": set(),
    "wire": {"base"},
    "llm": {"base"},
    "guard": {"llm", "base"},
    "dialect": {"llm", "wire", "base"},
    "provider": {"llm", "wire", "base"},
    "aws": {"wire", "base"},
    "io": {"wire", "base"},
    "state": {"io", "llm", "wire", "base"},
    "observe": {"io", "llm", "wire", "base"},
    "config": {"aws", "provider", "dialect", "guard", "llm", "wire", "base"},
    "gateway": {"config", "observe", "state", "io", "aws", "provider", "dialect", "guard", "llm", "wire", "base"},
    "main": {"gateway", "base"},
    "sim": {"io", "wire", "base"},
}

# Header → the files that may include it (a folder ends with '/').
THIRD_PARTY = {
    "yyjson.h": ["include/base/json.h"],
    "llhttp.h": ["src/wire/http1.c"],
    "mbedtls/": ["src/wire/crypto.c", "src/io/tls.c"],
    "psa/": ["src/io/tls.c"],
    "openssl/": ["src/wire/crypto.c", "src/io/redis_tls.c"],
    "hiredis/": ["src/io/redis.c", "src/io/redis_link.c"],
    "sodium/": ["src/wire/secretbox.c"],
    "zlib.h": ["src/wire/crc32.c", "src/wire/gzip.c"],
    "pcre2.h": ["src/guard/rules_private.h"],
    "uv.h": ["include/io/", "src/io/", "src/state/", "src/observe/", "src/gateway/", "sim/"],
    "curl/": ["src/io/upstream_private.h"],
    "yaml.h": ["src/config/config_yaml.c"],
    "sqlite3.h": ["src/state/store_sqlite.c"],
    "libpq-fe.h": ["src/state/store_postgres.c"],
    "mysql.h": ["src/state/store_mysql.c"],
}

# The pure layers know no sockets, no threads and no loop.
PURE = ["base", "wire", "llm", "guard", "dialect", "provider", "aws", "config"]
NOT_PURE = re.compile(r"^(sys/(socket|epoll|select|timerfd|eventfd|wait)\.h|poll\.h|netdb\.h|net/|"
                      r"netinet/|arpa/|uv\.h|curl/)")
TEXT_ONLY = [("src/wire/ip.c", "arpa/inet.h")]  # inet_pton, inet_ntop

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    parts = path.parts
    if parts[0] == "sim":
        return "sim"
    return "main" if parts == ("src", "main.c") else parts[1]


def includes(root, path):
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] == "<", found[2]


def resolve(root, path, name):
    """The project file a quoted include means, relative to the root; None: no such file."""
    for candidate in (path.parent / name, Path("include") / name):
        if (root / candidate).is_file():
            return candidate
    return None


def third_party_problem(path, name):
    for header, places in THIRD_PARTY.items():
        if name == header or header.endswith("/") and name.startswith(header):
            if not any(str(path) == p or p.endswith("/") and str(path).startswith(p) for p in places):
                return f"<{name}> belongs to {', '.join(places)}"
    if layer_of(path) in PURE and NOT_PURE.match(name) and (str(path), name) not in TEXT_ONLY:
        return f"<{name}> in a layer that knows no sockets and no loop"
    return None


def project_problem(root, path, name):
    target = resolve(root, path, name)
    if not target:
        return f'"{name}" is no header of this project: write <{name}>'
    user, used = layer_of(path), layer_of(target)
    if user != used and used not in MAY_USE[user]:
        return f'"{name}": {user} may not use {used}'
    if user != used and target.parts[0] != "include":
        return f'"{name}" is private to {used}'
    return None


def cycle_problems(graph):
    """Depth first; a header met again on the way down closes a cycle."""
    done, problems = set(), []

    def visit(node, trail):
        if node in trail:
            problems.append(" -> ".join(map(str, trail[trail.index(node):] + [node])))
        elif node not in done:
            for target in graph.get(node, []):
                visit(target, trail + [node])
            done.add(node)

    for node in graph:
        visit(node, [])
    return [f"headers include each other: {p}" for p in problems]


def visible(graph, users):
    """What other layers include, and what that includes in turn."""
    todo = [h for h, layers in users.items() if layers - {layer_of(h)}]
    seen = set(todo)
    while todo:
        for target in graph.get(todo.pop(), []):
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def check(root):
    files = sorted(p.relative_to(root) for d in ("include", "src", "sim") for p in (root / d).rglob("*.[ch]"))
    problems, graph, users = [], {}, {}
    for path in files:
        for number, angled, name in includes(root, path):
            problem = third_party_problem(path, name) if angled else project_problem(root, path, name)
            if problem:
                problems.append(f"{path}:{number}: {problem}")
            target = None if angled else resolve(root, path, name)
            if target:
                graph.setdefault(path, []).append(target)
                users.setdefault(target, set()).add(layer_of(path))
    seen = visible(graph, users)
    for path in files:
        if path.parts[0] == "include" and path not in seen:
            problems.append(f"{path}: only its own layer includes it: it belongs beside its .c")
    return len(files), problems + cycle_problems(graph)


def main():
    count, problems = check(Path(sys.argv[1]).resolve())
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} problems")
    return 1 if problems or not count else 0


sys.exit(main())
