"""The layer table and its exceptions, as tests/test_house.py enforces them."""

from scripts.docs.markdown import table
from tests.house import catches, outside
from tests.house.row import Row
from tests.house.table import TABLE


def layers() -> str:
    """The table: which files may import what."""
    return table(
        ("files", "may import, beside their folder", "third parties", "pure"),
        (
            (
                _files(row),
                ", ".join(f"`{name}`" for name in row.may.split()) or "nothing of ours",
                ", ".join(row.third.split()),
                "yes" if row.pure else "",
            )
            for row in TABLE
        ),
    )


def tops() -> str:
    """The five files that may catch everything."""
    return table(("file", "why"), ((f"`{name}`", why) for name, why in catches.TOPS.items()))


def clocks() -> str:
    """The files that may read the wall clock."""
    return table(("file", "why"), ((f"`{name}`", why) for name, why in outside.WALL_CLOCK.items()))


def _files(row: Row) -> str:
    if not row.files:
        return f"`{row.layer}`"
    words = {"*": "every other file", ".": "`__init__`"}
    return f"`{row.layer}`: " + ", ".join(words.get(f, f"`{f}`") for f in row.files.split())
