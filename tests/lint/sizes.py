"""Lists files past 400 lines and functions past 60: to be looked at, not to be sliced up."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FILE_LINES, FUNCTION_LINES = 400, 60


def functions(lines):
    """(name, length) of each function of a C file in our layout: the name at the start of a line, "{" alone on one."""
    start, name = None, ""
    for number, line in enumerate(lines):
        match = re.match(r"^([a-z_]\w*)\(", line)
        if match:
            start, name = number, match[1]
        elif line.startswith("}") and start is not None:
            yield name, number - start + 1
            start = None


def main():
    for path in sorted(p for d in ("lib", "checks", "tests") for p in (REPOSITORY / d).rglob("*.[ch]")):
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES:
            print(f"{path.relative_to(REPOSITORY)}: {len(lines)} lines")
        for name, length in functions(lines):
            if length > FUNCTION_LINES:
                print(f"{path.relative_to(REPOSITORY)}: {name}() has {length} lines")


main()
