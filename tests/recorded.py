"""The facts whose bytes are recorded in tests/data/wire: what version 1 wrote must stay readable.

Run `python -m tests.recorded` only to record a new version beside the old ones, never over them.
"""

import sys
from pathlib import Path

from ptywrap import wire
from tests import build

FOLDER = Path(__file__).parent / "data" / "wire"
NAME = wire.batch_id("000000000007-0123456789ab.n14", build.DEVICE)
HEADER = build.a_segment(policy=2, utc_offset_ns=3_600_000_000_000)
HOST_SESSION = wire.host_session(build.DEVICE, build.BOOT)

_CONTEXT = wire.Context(
    tree_hash=-7,
    targeted=True,
    wrappers=["sudo", "nice"],
    tool_version="4.3",
    power_source="battery",
    major_faults=0,
    git_settings=[],
    boot_at=build.AT - 1,
    emulated=False,
)

FACTS: tuple[wire.Fact, ...] = (
    wire.Session(id=HOST_SESSION, boot_id=build.BOOT, sensors=[]),
    build.a_session(ended_at=build.AT + 9, sensors=["proc_connector", "procfs"]),
    build.a_command(
        exit_status=None,
        signal=9,
        daemons=[wire.Daemon(name="dockerd", peer="/run/docker.sock", shared=True), wire.Daemon()],
        other_reasons={"asleep": 5, "in docker.sock": 799_999_995},
        download=wire.Download(active_ns=3, wait_ns=7, server_ns=7),
        context=_CONTEXT,
        free_network_ns=0,
        return_delay_ns=-1,
    ),
    wire.Command(session=build.SESSION, id=-(1 << 63)),
    wire.Command(session=build.SESSION, id=5, line="café «token»", line_cut=True, wait_ns=0),
    build.a_process(),
    build.a_process(pid=4243, start_ticks=70_001, argv=["cc", "-c", ""], argv_cut=True, signal=15),
    wire.Process(session=HOST_SESSION, pid=1, start_ticks=0, argv=[]),
    build.a_flow(),
    wire.Flow(session=HOST_SESSION, id=(1 << 63) - 1, loopback=True, rtt_ns=1, retransmits=0),
    wire.Sample(session=build.SESSION, command=5, at=build.AT, class_="disk", label="memory"),
    wire.Project(repo="example.org/ada/engine", alias="example.org/fork/engine"),
    build.a_loss(),
    build.a_host(caches=[wire.Cache(name="pip", bytes=1 << 20), wire.Cache(name="npm")]),
    build.a_host(at=build.AT + 1, caches=[], cpu_model=None),
)


def segment() -> bytes:
    """Return the facts as a segment holds them, its header first."""
    return b"".join(wire.frame(seq, wire.encode(fact)) for seq, fact in enumerate((HEADER, *FACTS)))


def batch() -> bytes:
    """Return the facts as a batch."""
    return wire.pack(NAME, HEADER, FACTS)


def main() -> int:
    """Record what this version writes, where nothing was recorded before."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in (("seg", segment()), ("batch", batch())):
        with (FOLDER / f"version-{wire.VERSION}.{name}").open("xb") as file:
            file.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
