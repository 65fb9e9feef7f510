"""A tiny made-up tree that keeps every rule."""

from pathlib import Path

# One file for each thing that a rule must let pass.
CLEAN = {
    "netsniff/__init__.py": "",
    "netsniff/model.py": '"""Words."""\nfrom typing import NamedTuple\nclass A(NamedTuple): ...\n',
    "netsniff/capture/decode.py": '"""Packets."""\nfrom scapy.all import IP\n',
    "ptywrap/__init__.py": '"""Shells."""\n__version__ = "1"\n',
    "ptywrap/facts.py": (
        '"""Facts."""\nfrom msgspec import Struct\n'
        "class Loss(Struct):\n    since: int\n    length_ns: int | None\n    reason: str\n"
    ),
    "ptywrap/wire.py": '"""Rows."""\nfrom ptywrap.facts import Loss\n',
    "ptywrap/errors.py": (
        '"""What fails."""\nclass Ours(Exception): ...\nclass UserError(Ours): ...\n'
    ),
    "ptywrap/clock.py": '"""Clocks."""\nimport time\ndef wall() -> int: return time.time_ns()\n',
    "ptywrap/paths.py": '"""Places."""\nimport sys\nMACOS = sys.platform == "darwin"\n',
    "ptywrap/launch/wrapper.py": (
        '"""Forks."""\nfrom ptywrap.launch import keeper\n'
        "try:\n    keeper.keep()\nexcept BaseException:\n    pass\n"
    ),
    "ptywrap/launch/keeper.py": '"""Keeps."""\ndef keep() -> None: ...\n',
    "ptywrap/lifecycle/__init__.py": (
        '"""Chooses."""\nimport sys\n'
        'BACKENDS = (("linux", "ptywrap.lifecycle.procfs", "Walk"),)\nHERE = sys.platform\n'
    ),
    "ptywrap/lifecycle/base.py": '"""What a backend is.\n\nTo add one, write a file.\n"""\n',
    "ptywrap/lifecycle/procfs.py": (
        '"""Walks."""\nimport sys\nfrom ptywrap.lifecycle.proctree import C\n'
        'assert sys.platform == "linux"\nclass Walk: ...\n'
    ),
    "ptywrap/lifecycle/proctree.py": (
        '"""Children."""\nimport sys\nassert sys.platform == "linux"\nclass C: ...\n'
    ),
    "ptywrap/shell/ptywrap.bash": "true\n" * 100,
    "ingest/__init__.py": "",
    "ingest/store/duckdb.py": '"""An engine."""\nimport duckdb\nfrom ptywrap import wire\n',
    "tests/test_it.py": '"""A test."""\nimport pytest\nfrom ptywrap import paths\n',
}


def a_tree(root: Path, **changes: str) -> Path:
    """Write the clean tree with some files changed or added."""
    for path, text in {**CLEAN, **changes}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root
