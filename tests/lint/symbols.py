#!/usr/bin/env python3
"""Each external name is defined once: of two definitions in static libraries the linker takes the first
one that it meets, and says nothing.

    symbols.py LIBRARY...
"""

import subprocess
import sys
from collections import defaultdict


def definitions(libraries):
    """name → where it is defined: "library:object"."""
    found = defaultdict(list)
    for library in libraries:
        listing = subprocess.run(
            ["nm", "--print-file-name", "--defined-only", "--extern-only", library], capture_output=True, text=True, check=True
        )
        for line in listing.stdout.splitlines():
            place, kind, name = line.rsplit(None, 2)
            if kind not in "wWvV":
                found[name].append(place.rpartition(":")[0])
    return found


def main():
    found = definitions(sys.argv[1:])
    if not found:
        sys.exit("no library defines anything")
    twice = {name: places for name, places in found.items() if len(places) > 1}
    for name, places in sorted(twice.items()):
        print(f"{name} is defined in {' and in '.join(places)}")
    sys.exit(1 if twice else 0)


if __name__ == "__main__":
    main()
