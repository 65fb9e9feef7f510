"""Fill the generated regions of docs/*.md: `python -m scripts.docs`, or `--check` to compare.

A page is prose with regions `<!-- begin NAME -->` … `<!-- end NAME -->`; each NAME has a function
here that prints what the code says. What is outside the regions is written by hand.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.docs import facts, house, leaving, measure, sensors, settings, sizing, verbs

DOCS = Path(__file__).resolve().parents[2] / "docs"
REGIONS: dict[str, Callable[[], str]] = {
    "layers": house.layers,
    "tops": house.tops,
    "clocks": house.clocks,
    "facts": facts.facts,
    "leaves": leaving.leaves,
    "verbs": verbs.verbs,
    "settings": settings.settings,
    "lifecycle": sensors.lifecycle,
    "sources": sensors.sources,
    "measured": measure.measured,
    "server": settings.server,
    "sizing": sizing.sizing,
}
_REGION = re.compile(r"(<!-- begin (?P<name>[a-z]+) -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL)


def filled(text: str) -> str:
    """A page's text with its regions as the code has them now."""
    return _REGION.sub(lambda m: f"{m[1]}{REGIONS[m['name']]().rstrip()}\n{m[3]}", text)


def main() -> int:
    parser = argparse.ArgumentParser(description="fill the generated regions of docs/*.md")
    parser.add_argument("--check", action="store_true", help="change nothing; name stale pages")
    check = parser.parse_args().check
    stale = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text()
        fresh = filled(text)
        if fresh != text:
            stale.append(page.name)
            if not check:
                page.write_text(fresh)
    if check and stale:
        print(f"stale: {' '.join(stale)}; run: python -m scripts.docs")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
