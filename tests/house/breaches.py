"""One breach after another: a file put into the made-up tree, and what its rule then says."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.house import catches, fields, habits, home, layers, outside, size, system

Rule = Callable[[Path], list[str]]


class Breach(NamedTuple):
    """A file put into the clean tree, and the one line the rule then says."""

    rule: Rule
    path: str
    text: str
    said: str


def a_function(lines: int) -> str:
    """A module with one function of so many lines."""
    return '"""Long."""\ndef long() -> None:\n' + "    ...\n" * (lines - 1)


BREACHES = (
    Breach(
        home.homeless,
        "ptywrap/novelty.py",
        '"""New."""\n',
        "ptywrap/novelty.py: no row of tests/house/table.py is its home",
    ),
    Breach(
        home.homeless,
        "ptywrap/launch/novelty.py",
        '"""New."""\n',
        "ptywrap/launch/novelty.py: no row of tests/house/table.py is its home",
    ),
    Breach(
        layers.outside_the_row,
        "ptywrap/spool.py",
        '"""S."""\ndef f() -> None:\n    from ptywrap import lifecycle\n',
        "ptywrap/spool.py:3: ptywrap.spool may not import ptywrap.lifecycle",
    ),
    Breach(
        layers.outside_the_row,
        "ptywrap/lifecycle/kqueue.py",
        '"""K."""\nfrom importlib import import_module\nimport_module("ptywrap.paths")\n',
        "ptywrap/lifecycle/kqueue.py:3: ptywrap.lifecycle may not import ptywrap.paths",
    ),
    Breach(
        layers.across_a_border,
        "netsniff/split.py",
        '"""S."""\nimport ptywrap.wire\n',
        "netsniff/split.py:2: netsniff may not import ptywrap.wire",
    ),
    Breach(
        layers.across_a_border,
        "netsniff/split.py",
        '"""S."""\nimport ingest\n',
        "netsniff/split.py:2: netsniff may not import ingest",
    ),
    Breach(
        layers.across_a_border,
        "ptywrap/service.py",
        '"""S."""\nif True:\n    import ingest.store.duckdb\n',
        "ptywrap/service.py:3: ptywrap may not import ingest.store.duckdb",
    ),
    Breach(
        layers.across_a_border,
        "ingest/journal.py",
        '"""J."""\nfrom ptywrap.facts import Loss\n',
        "ingest/journal.py:2: ingest may not import ptywrap.facts",
    ),
    Breach(
        layers.across_a_border,
        "ingest/journal.py",
        '"""J."""\nfrom ptywrap import __version__\n',
        "ingest/journal.py:2: ingest may not import ptywrap",
    ),
    Breach(
        layers.across_a_border,
        "ingest/journal.py",
        '"""J."""\nfrom netsniff.model import A\n',
        "ingest/journal.py:2: ingest may not import netsniff.model",
    ),
    Breach(
        layers.across_a_border,
        "ptywrap/launch/pump.py",
        '"""P."""\nfrom ptywrap import paths\n',
        "ptywrap/launch/pump.py:2: ptywrap.launch may not import ptywrap.paths",
    ),
    Breach(
        layers.nobody_imports,
        "ptywrap/spool.py",
        '"""S."""\nfrom tests import build\n',
        "ptywrap/spool.py:2: a package may not import tests.build",
    ),
    Breach(
        layers.registries,
        "netsniff/sources/__init__.py",
        '"""S."""\nSOURCES = (("any", "netsniff.sources.gone", "Gone"),)\n',
        "netsniff/sources/__init__.py:2: the registry names netsniff.sources.gone, "
        "which is not there",
    ),
    Breach(
        layers.registries,
        "ptywrap/sampler/__init__.py",
        '"""S."""\nSAMPLERS = (("any", "ptywrap.lifecycle.procfs", "Walk"),)\n',
        "ptywrap/sampler/__init__.py:2: the registry names ptywrap.lifecycle.procfs, "
        "which lies outside ptywrap.sampler",
    ),
    Breach(
        layers.registries,
        "ptywrap/lifecycle/__init__.py",
        '"""C."""\nBACKENDS = (("linux", "ptywrap.lifecycle.procfs", "Run"),)\n',
        "ptywrap/lifecycle/__init__.py:2: the registry names ptywrap.lifecycle.procfs.Run, "
        "which is not there",
    ),
    Breach(
        layers.registries,
        "ptywrap/host/__init__.py",
        '"""H."""\nREADERS = tuple(sorted({}))\n',
        "ptywrap/host/__init__.py: a registry is a literal tuple of tuples",
    ),
    Breach(
        layers.computed,
        "ptywrap/service.py",
        '"""S."""\nfrom importlib import import_module as load\nload("ingest" + ".drain")\n',
        "ptywrap/service.py:3: what is imported here is written nowhere",
    ),
    Breach(
        layers.cycles,
        "ptywrap/lifecycle/proctree.py",
        '"""C."""\nimport sys\nfrom ptywrap import lifecycle\nassert sys.platform == "linux"\n',
        "ptywrap.lifecycle -> ptywrap.lifecycle.procfs -> ptywrap.lifecycle.proctree -> "
        "ptywrap.lifecycle",
    ),
    Breach(
        outside.strangers,
        "ptywrap/launch/keeper.py",
        '"""K."""\nimport psutil\n',
        "ptywrap/launch/keeper.py:2: psutil has no place here",
    ),
    Breach(
        outside.strangers,
        "netsniff/capture/helper.py",
        '"""H."""\nfrom scapy.all import IP\n',
        "netsniff/capture/helper.py:2: scapy has no place here",
    ),
    Breach(
        outside.impurities,
        "ptywrap/marks.py",
        '"""M."""\nfrom pathlib import Path\n',
        "ptywrap/marks.py:2: a pure file imports pathlib",
    ),
    Breach(
        outside.impurities,
        "ptywrap/service.py",
        '"""S."""\nimport asyncio\n',
        "ptywrap/service.py:2: asyncio is for ptywrap.ship and ingest",
    ),
    Breach(
        outside.clocks,
        "ptywrap/spool.py",
        '"""S."""\nfrom datetime import datetime as day\nAT = day.now()\n',
        "ptywrap/spool.py:3: datetime.datetime.now is read here and not in ptywrap/clock.py",
    ),
    Breach(
        outside.clocks,
        "ptywrap/spool.py",
        '"""S."""\nfrom time import time\nAT = time()\n',
        "ptywrap/spool.py:3: time.time is read here and not in ptywrap/clock.py",
    ),
    Breach(
        size.long_files,
        "scripts/simulate.py",
        '"""S."""\n' + "\n" * 300,
        "scripts/simulate.py: 301 lines, 300 at most",
    ),
    Breach(
        size.long_files,
        "ptywrap/shell/zsh/.zshenv",
        "true\n" * 101,
        "ptywrap/shell/zsh/.zshenv: 101 lines, 100 at most",
    ),
    Breach(
        size.long_functions,
        "ptywrap/spool.py",
        a_function(41),
        "ptywrap/spool.py:2: long has 41 lines, 40 at most",
    ),
    Breach(
        system.asked_elsewhere,
        "ptywrap/spool.py",
        '"""S."""\nimport os\nHERE = os.uname()\n',
        "ptywrap/spool.py:3: os.uname is asked by choosers and paths.py alone",
    ),
    Breach(
        system.asked_elsewhere,
        "ptywrap/lifecycle/records.py",
        '"""R."""\nimport sys\nA = 1\nassert sys.platform == "linux"\n',
        "ptywrap/lifecycle/records.py:4: sys.platform is asked by choosers and paths.py alone",
    ),
    Breach(
        system.reached_elsewhere,
        "ptywrap/lifecycle/selftest.py",
        '"""S."""\nfrom ptywrap.lifecycle.procfs import Walk\n',
        "ptywrap/lifecycle/selftest.py:2: ptywrap.lifecycle.procfs is for linux alone",
    ),
    Breach(
        catches.catch_alls,
        "ptywrap/spool.py",
        '"""S."""\ntry: ...\nexcept (OSError, Exception): ...\n',
        "ptywrap/spool.py:3: a catch-all is for the five tops, once in each",
    ),
    Breach(
        catches.catch_alls,
        "ptywrap/launch/wrapper.py",
        '"""W."""\ntry: ...\nexcept BaseException: ...\ntry: ...\nexcept: ...\n',
        "ptywrap/launch/wrapper.py:5: a catch-all is for the five tops, once in each",
    ),
    Breach(
        catches.catch_alls,
        "tests/test_it.py",
        '"""T."""\nfrom contextlib import suppress\nwith suppress(Exception): ...\n',
        "tests/test_it.py:3: a catch-all is for the five tops, once in each",
    ),
    Breach(habits.docstrings, "ptywrap/spool.py", "A = 1\n", "ptywrap/spool.py:1: no docstring"),
    Breach(
        habits.docstrings,
        "ptywrap/sampler/base.py",
        '"""What a sampler is."""\n',
        "ptywrap/sampler/base.py:1: the docstring of a base.py says how to add one",
    ),
    Breach(
        habits.names,
        "ingest/utils.py",
        '"""U."""\n',
        "ingest/utils.py: a noun of the domain is missing",
    ),
    Breach(
        habits.names,
        "ptywrap/observe/signal.py",
        '"""S."""\n',
        "ptywrap/observe/signal.py: the standard library has a module of that name",
    ),
    Breach(
        habits.classes,
        "ptywrap/observe/tree.py",
        '"""T."""\nclass Tree: ...\nclass Oak(Tree): ...\n',
        "ptywrap/observe/tree.py:3: Oak inherits from Tree",
    ),
    Breach(
        habits.typing_only,
        "ptywrap/observe/tree.py",
        '"""T."""\nfrom . import path\n',
        "ptywrap/observe/tree.py:2: a relative import",
    ),
    Breach(
        habits.typing_only,
        "ptywrap/observe/tree.py",
        '"""T."""\nfrom __future__ import annotations\n',
        "ptywrap/observe/tree.py:2: postponed annotations",
    ),
    Breach(
        habits.typing_only,
        "ptywrap/observe/tree.py",
        '"""T."""\nimport typing\nif typing.TYPE_CHECKING: ...\n',
        "ptywrap/observe/tree.py:3: a type worth importing is a real edge",
    ),
    Breach(
        habits.ignores,
        "ptywrap/spool.py",
        '"""S."""\nA: int = ""  # type: ignore[assignment]\n',
        "ptywrap/spool.py:2: an ignored type error has a code and a reason",
    ),
    Breach(
        fields.unitless,
        "ptywrap/facts.py",
        '"""F."""\nfrom msgspec import Struct\nclass Sample(Struct):\n    length: int | None\n',
        "ptywrap/facts.py:4: length is a number without a unit in its name",
    ),
    Breach(
        fields.floats,
        "ptywrap/facts.py",
        '"""F."""\nfrom msgspec import Struct\nclass Sample(Struct):\n    load: list[float]\n',
        "ptywrap/facts.py:4: load is a float",
    ),
)
