"""Rule 1: every module has a home, which is one row of the table."""

from pathlib import Path

from tests.house import source
from tests.house.table import rows_of


def homeless(root: Path) -> list[str]:
    """Modules that match no row of the table, or more than one."""
    found = []
    for file in source.read(root).modules():
        rows = rows_of(file.name)
        if not rows:
            found.append(f"{file.path}: no row of tests/house/table.py is its home")
        elif len(rows) > 1:
            found.append(f"{file.path}: {len(rows)} rows of tests/house/table.py are its home")
    return found
