"""The tables of docs/patroni-compatibility.md: the differences that are meant, which people write, and what was seen,
which the differential test writes (PGHA_GOLDEN=write) and holds itself against.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).resolve().parents[2] / "docs" / "patroni-compatibility.md"
SILENT = "-"  # the code of no answer

# The first of each group stands for it in the tables: both sides answer the others of it alike.
GROUPS = (("/", "/primary", "/master", "/read-write"), ("/leader",), ("/standby-leader", "/standby_leader"),
          ("/replica",), ("/read-only",), ("/sync", "/synchronous"), ("/async", "/asynchronous"), ("/quorum",),
          ("/read-only-sync", "/read-only-synchronous"), ("/read-only-quorum",), ("/health",), ("/liveness",),
          ("/readiness",), ("/patroni",), ("/nonsense",))


class Difference(NamedTuple):
    """One row that people write. `where` and `asked` are patterns as of a shell."""
    where: list
    asked: list
    patroni: list
    agent: list
    why: str

    def covers(self, where, asked, patroni, agent):
        return patroni in self.patroni and agent in self.agent \
            and any(fnmatchcase(where, pattern) for pattern in self.where) \
            and any(fnmatchcase(asked, pattern) for pattern in self.asked)

    def is_of_hosts(self):
        """Whether it is about hosts that are cut off, which another test than the differential one makes."""
        return all("cut off" in pattern for pattern in self.where)


def _section(name):
    """The lines between the marks of a table, without its head."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", FILE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{FILE} has no <!-- {name} -->"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines() if line[:1] == "|"]
    return rows[:1], rows[2:]


def differences():
    rows = _section("differences")[1]
    return [Difference(*(re.findall(r"`([^`]+)`", cell) for cell in row[:4]), row[4]) for row in rows]


def read(name):
    """{row: {column: cell}} of a written table; a row's name is its first cells up to the codes."""
    heads, rows = _section(name)
    columns = [head.strip("`") for head in heads[0]] if heads else []
    return {row[0]: dict(zip(columns[1:], row[1:])) for row in rows}


def write(name, first, columns, rows):
    """Puts the table {row: {column: cell}} in its place."""
    lines = [f"| {first} | " + " | ".join(f"`{column}`" for column in columns) + " |",
             "|---" * (len(columns) + 1) + "|"]
    for row, cells in rows.items():
        lines.append(f"| {row} | " + " | ".join(cells.get(column, "") for column in columns) + " |")
    text, count = re.subn(rf"(<!-- {name} -->\n).*?(<!-- end -->)",
                          lambda found: found[1] + "\n".join(lines) + "\n" + found[2],
                          FILE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert count == 1, f"{FILE} has no <!-- {name} -->"
    FILE.write_text(text, encoding="utf-8")


def cell(patroni, agent):
    """Both codes, or the one that both gave."""
    return patroni if patroni == agent else f"{patroni}/{agent}"
