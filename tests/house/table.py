"""The one table of the house: who may import what, printed by docs/design.md.

A row names a layer and files in it. `files` is `""` where the layer is one module; `*` stands for
the folder's `__init__` and every file in it that no other row names, `.` for its `__init__` alone.
`may` lists the layers or modules of ours that these files import, beside their own folder; a
folder's name stands for all that is in it. `third` lists third parties, `pure` is values in, values
out: no descriptor, clock, environment or randomness.
"""

from tests.house.row import Row
from tests.house.table_ingest import INGEST
from tests.house.table_netsniff import NETSNIFF

# What observer files import, pure or not: an observer file's row differs in purity alone.
_OBSERVE = (
    "ptywrap ptywrap.wire ptywrap.marks ptywrap.clock ptywrap.config ptywrap.paths ptywrap.device "
    "ptywrap.switches ptywrap.templates ptywrap.manifests ptywrap.privacy ptywrap.quota "
    "ptywrap.spool ptywrap.errors ptywrap.lifecycle ptywrap.sampler ptywrap.host netsniff.model "
    "netsniff.connections netsniff.split netsniff.sources netsniff.names netsniff.naming "
    "netsniff.capture"
)
_CLI = (
    "ptywrap ptywrap.wire ptywrap.errors ptywrap.paths ptywrap.device ptywrap.clock ptywrap.config "
    "ptywrap.deliveries ptywrap.enrolment ptywrap.locks ptywrap.outbox "
    "ptywrap.segments ptywrap.service ptywrap.ship ptywrap.setup ptywrap.lifecycle ptywrap.sampler "
    "netsniff.amounts netsniff.sources netsniff.capture"
)
_SHIP = (
    "ptywrap.wire ptywrap.clock ptywrap.config ptywrap.deliveries ptywrap.device ptywrap.enrolment "
    "ptywrap.errors ptywrap.kept ptywrap.locks ptywrap.outbox ptywrap.paths ptywrap.projection "
    "ptywrap.quota ptywrap.segments ptywrap.spool ptywrap.templates"
)

TABLE = (
    *NETSNIFF,
    Row("ptywrap"),
    Row("ptywrap.columns", pure=True),
    Row("ptywrap.frames", pure=True),
    Row("ptywrap.facts", third="msgspec", pure=True),
    Row("ptywrap.record", may="ptywrap.facts", third="msgspec", pure=True),
    Row("ptywrap.tabular", may="ptywrap.facts", third="msgspec", pure=True),
    Row("ptywrap.strict", may="ptywrap.columns", third="msgpack", pure=True),
    Row(
        "ptywrap.batch",
        may="ptywrap.columns ptywrap.strict ptywrap.tabular ptywrap.facts",
        third="msgspec",
        pure=True,
    ),
    Row(
        "ptywrap.wire",
        may="ptywrap.columns ptywrap.tabular ptywrap.batch ptywrap.frames ptywrap.facts "
        "ptywrap.record",
        third="msgspec",
        pure=True,
    ),
    Row("ptywrap.errors"),
    Row("ptywrap.paths"),
    Row("ptywrap.device", may="ptywrap.paths"),
    Row("ptywrap.switches", may="ptywrap.paths"),
    Row("ptywrap.clock"),
    Row("ptywrap.pump_marks", pure=True),
    Row("ptywrap.marks", may="ptywrap.pump_marks", pure=True),
    Row("ptywrap.rules", third="msgspec", pure=True),
    Row("ptywrap.wrappers", may="ptywrap.rules", pure=True),
    Row("ptywrap.admission", may="ptywrap.rules", pure=True),
    Row("ptywrap.arguments", may="ptywrap.rules ptywrap.admission", pure=True),
    Row("ptywrap.shellwords", pure=True),
    Row("ptywrap.shapes", may="ptywrap.rules ptywrap.admission ptywrap.shellwords", pure=True),
    Row(
        "ptywrap.templates",
        may="ptywrap.rules ptywrap.wrappers ptywrap.admission ptywrap.arguments ptywrap.shapes",
        pure=True,
    ),
    Row("ptywrap.manifests", pure=True),
    Row("ptywrap.literals", may="ptywrap.rules ptywrap.admission", pure=True),
    Row(
        "ptywrap.positions",
        may="ptywrap.rules ptywrap.wrappers ptywrap.shellwords ptywrap.literals",
        pure=True,
    ),
    Row(
        "ptywrap.redaction",
        may="ptywrap.rules ptywrap.shapes ptywrap.shellwords ptywrap.literals ptywrap.positions",
        pure=True,
    ),
    Row(
        "ptywrap.privacy",
        may="ptywrap.wire ptywrap.templates ptywrap.literals ptywrap.redaction",
        third="msgspec",
        pure=True,
    ),
    Row("ptywrap.outward", may="ptywrap.rules ptywrap.admission", pure=True),
    Row(
        "ptywrap.projection",
        may="ptywrap.wire ptywrap.templates ptywrap.outward",
        third="msgspec",
        pure=True,
    ),
    Row("ptywrap.config", may="ptywrap.errors ptywrap.paths ptywrap.switches", third="msgspec"),
    Row("ptywrap.locks"),
    Row("ptywrap.kept"),
    Row(
        "ptywrap.enrolment",
        may="ptywrap.errors ptywrap.kept ptywrap.paths",
        third="msgspec",
    ),
    Row("ptywrap.segments", may="ptywrap.wire"),
    Row("ptywrap.deliveries", may="ptywrap.kept ptywrap.locks"),
    Row(
        "ptywrap.outbox",
        may="ptywrap.wire ptywrap.clock ptywrap.deliveries ptywrap.kept ptywrap.paths",
    ),
    Row(
        "ptywrap.quota",
        may="ptywrap.clock ptywrap.deliveries ptywrap.outbox ptywrap.segments",
    ),
    Row(
        "ptywrap.spool",
        may="ptywrap.wire ptywrap.kept ptywrap.paths ptywrap.errors ptywrap.quota",
    ),
    Row("ptywrap.service", ".", may="ptywrap.paths ptywrap.errors", third="msgpack"),
    # Apart, because mostly the store runs: what starting takes is no part of every question.
    Row("ptywrap.service", "starting", may="ptywrap.config ptywrap.device ptywrap.paths"),
    Row("ptywrap.ship", ". restraint"),
    Row("ptywrap.ship", "verdict", pure=True),
    Row("ptywrap.ship", "courier", may="ptywrap ptywrap.clock ptywrap.errors", third="aiohttp"),
    Row(
        "ptywrap.ship",
        "packing",
        may="ptywrap.wire ptywrap.segments ptywrap.outbox",
        third="zstandard",
    ),
    Row("ptywrap.ship", "state erasure policy voyage", may=_SHIP, third="msgspec"),
    Row("ptywrap.ship", "losses departure showing __main__", may=_SHIP),
    Row("ptywrap.launch", ". wrapper errand place newborn notice runner"),
    Row("ptywrap.launch", "terminal keeper pump tally guardian rouse bursts leaving heir signals"),
    Row("ptywrap.launch", "leader"),
    Row("ptywrap.launch", "inject screen status", pure=True),
    Row("ptywrap.launch", "adopt", third="ptyprocess"),
    Row("ptywrap.shell", "."),
    Row("ptywrap.lifecycle", "*", may="ptywrap.errors ptywrap.clock"),
    Row("ptywrap.lifecycle", "psutil_children", may="ptywrap.errors ptywrap.clock", third="psutil"),
    Row("ptywrap.sampler", "*", may="ptywrap.clock netsniff.model", third="psutil"),
    Row("ptywrap.host", "*", may="ptywrap.wire ptywrap.clock", third="psutil"),
    Row(
        "ptywrap.observe",
        "base times tree commands fold attention path cost ledger looks account digest actor "
        "naming backlog network_owners",
        may=_OBSERVE,
        pure=True,
    ),
    Row(
        "ptywrap.observe",
        ". __main__ readiness assembly observer control ward sessions outer lately sensors "
        "identity network_sources network_names network_trial "
        "recorder checkout declared fingerprint markfile held inotify kernel expenses pidfds",
        may=_OBSERVE,
    ),
    Row("ptywrap.observe", "nudge", may=f"{_OBSERVE} ptywrap.segments ptywrap.service"),
    # They change facts, which are msgspec's structs, or speak the control socket's MessagePack.
    Row(
        "ptywrap.observe",
        "closing claims telling session asks network network_strays",
        may=_OBSERVE,
        third="msgspec",
    ),
    Row("ptywrap.observe", "network_flows", may=_OBSERVE, third="msgspec", pure=True),
    Row(
        "ptywrap.setup",
        ". journal profiles rcfiles login units",
        may="ptywrap.paths ptywrap.errors ptywrap.config",
    ),
    Row(
        "ptywrap.setup",
        "join",
        may="ptywrap.clock ptywrap.paths ptywrap.errors ptywrap.config ptywrap.device "
        "ptywrap.deliveries ptywrap.enrolment ptywrap.locks ptywrap.outbox ptywrap.ship",
        third="msgspec",
    ),
    Row("ptywrap.cli", "*", may=_CLI),
    Row("ptywrap.cli", "doctor", may=_CLI, third="pexpect"),
    # Colours cost 25 ms of every call: whatever goes to a pipe does without.
    Row("ptywrap.cli", "rich_page", may=_CLI, third="rich"),
    Row("ptywrap.__main__", may="ptywrap.cli"),
    *INGEST,
)


def rows_of(module: str) -> list[Row]:
    """The rows a module matches: those that name it, else those with a `*` for its folder."""
    named = [row for row in TABLE if module in row.names()]
    if named:
        return named
    folder = module.rpartition(".")[0]
    return [row for row in TABLE if row.files == "*" and row.layer in {module, folder}]
