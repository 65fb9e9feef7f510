"""The facts by field: what the observer says, the spool keeps and the store is asked for.

A fact is a frozen struct; told again with the same key it replaces the former telling. Unknown is
None and never 0; there are no floats: lengths are ``*_ns``, moments ``*_at`` (ns since the Unix
epoch), sizes ``*_bytes``, fractions ``*_permille``; process times are whole microseconds. Growing:
add a field with a default, never change a meaning. Read through `ptywrap.wire`.
"""

from msgspec import Struct


class Split(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where the wall time went along the critical path; what is known sums to it exactly.

    To wall_ns - suspended_ns, that is. A part nothing measured is None; other_ns holds it too.
    """

    cpu_ns: int | None = None
    runqueue_ns: int | None = None
    disk_ns: int | None = None
    network_ns: int | None = None
    input_ns: int | None = None
    lock_ns: int | None = None
    other_ns: int | None = None


class Download(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Bytes from other machines: while they arrived, and idle because of them."""

    active_ns: int = 0
    wait_ns: int = 0
    dns_ns: int = 0
    connect_ns: int = 0
    server_ns: int = 0
    transfer_ns: int = 0


class Daemon(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A process outside the tree that worked for a command."""

    name: str | None = None
    peer: str | None = None
    cpu_ns: int | None = None
    shared: bool = False


class Cache(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A known cache folder of the machine."""

    name: str
    bytes: int | None = None
    changed_at: int | None = None


class Context(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the detectors compare between two runs of one template."""

    tree_hash: int | None = None
    argv_hash: int | None = None
    lockfile_hash: int | None = None
    targeted: bool | None = None
    wrappers: list[str] | None = None
    tool_version: str | None = None
    interpreter_version: str | None = None
    os_build: str | None = None
    power_source: str | None = None
    frequency_permille: int | None = None
    pressure_cpu_permille: int | None = None
    pressure_memory_permille: int | None = None
    pressure_io_permille: int | None = None
    ready_threads: int | None = None
    other_cores_permille: int | None = None
    major_faults: int | None = None
    swap_in_bytes: int | None = None
    compiler_runs: int | None = None
    changed_files: int | None = None
    tracked_files: int | None = None
    git_settings: list[str] | None = None
    shell_start_ns: int | None = None
    prompt_processes: list[str] | None = None
    other_busy: list[str] | None = None
    network_id: int | None = None
    boot_at: int | None = None
    cgroup_quota_permille: int | None = None
    emulated: bool | None = None
    own_cpu_ns: int | None = None


class Segment(
    Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="segment"
):
    """Frame 0 of every segment: who wrote it, under which rules, and what the clocks said."""

    version: int
    device: str
    boot_id: str
    policy: int = 0
    wall_ns: int
    monotonic_ns: int
    boottime_ns: int
    utc_offset_ns: int = 0


class Session(
    Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="session"
):
    """A shell under observation, a `-- CMD` run, or the "host" session of one boot."""

    id: bytes
    user: str | None = None
    host: str | None = None
    shell: str | None = None
    terminal: str | None = None
    boot_id: str | None = None
    version: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    sensors: list[str] | None = None


class Command(
    Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="command"
):
    """A command line a shell ran; key (session, id). `line` is in the ended telling alone.

    `exit_status` and `signal` are never both told, for runs and typed lines alike: a `signal` is
    what the kernel's wait status says of a process of it; 128 + n of a shell alone is a status.
    """

    session: bytes
    id: int
    line: str | None = None
    line_cut: bool = False
    shell_pid: int | None = None
    shape: str | None = None
    template: str | None = None
    category: str | None = None
    cwd: str | None = None
    repo: str | None = None
    branch: str | None = None
    commit: str | None = None
    actor: str | None = None
    started_at: int | None = None
    wall_ns: int | None = None
    suspended_ns: int | None = None
    exit_status: int | None = None
    signal: int | None = None
    cpu_user_ns: int | None = None
    cpu_sys_ns: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    connections: int | None = None
    process_count: int | None = None
    completeness: str | None = None
    split: Split | None = None
    other_reasons: dict[str, int] | None = None
    download: Download | None = None
    daemons: list[Daemon] | None = None
    free_network_ns: int | None = None
    wait_ns: int | None = None
    return_delay_ns: int | None = None
    prompt_ns: int | None = None
    context: Context | None = None


class Process(
    Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="process"
):
    """A process from birth to death; key (session, pid, start_ticks); `command` 0 is none."""

    session: bytes
    pid: int
    start_ticks: int
    command: int = 0
    ppid: int | None = None
    parent_ticks: int | None = None
    name: str | None = None
    exe: str | None = None
    argv: list[str] | None = None
    argv_cut: bool = False
    cwd: str | None = None
    started_at: int | None = None
    wall_ns: int | None = None
    exit_status: int | None = None
    signal: int | None = None
    cpu_user_ns: int | None = None
    cpu_sys_ns: int | None = None
    peak_rss_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    source: str | None = None
    completeness: str | None = None


class Flow(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="flow"):
    """A connection's share in one command; key (session, id, command); `command` 0 is none."""

    session: bytes
    id: int
    command: int = 0
    pid: int | None = None
    process_ticks: int | None = None
    pid_confidence: str = "none"
    protocol: str | None = None
    remote_host: str | None = None
    host_source: str | None = None
    remote_address: str | None = None
    remote_port: int | None = None
    opened_at: int | None = None
    connect_ns: int | None = None
    first_byte_at: int | None = None
    closed_at: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    rtt_ns: int | None = None
    retransmits: int | None = None
    loopback: bool = False


class Sample(
    Struct,
    frozen=True,
    omit_defaults=True,
    kw_only=True,
    tag_field="fact",
    tag="sample",
    rename={"class_": "class"},
):
    """A piece of a long command's timeline; key (session, command, at)."""

    session: bytes
    command: int
    at: int
    length_ns: int = 0
    path_pid: int | None = None
    class_: str = "other"
    label: str | None = None
    cpu_ns: int | None = None
    runqueue_ns: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    cores_permille: int | None = None


class Project(
    Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="project"
):
    """One remote of a checkout; key (repo, alias)."""

    repo: str
    alias: str


class Commit(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="commit"):
    """A commit first seen on this laptop; key (session, commit); never leaves the machine."""

    session: bytes
    commit: str
    repo: str | None = None
    branch: str | None = None
    patch_id: str | None = None
    at: int | None = None
    additions: int | None = None
    deletions: int | None = None
    files: int | None = None


class Loss(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="loss"):
    """What we know that we did not see; key (session, sensor, since); `missed` None is untold."""

    session: bytes
    sensor: str
    since: int
    until: int | None = None
    missed: int | None = None
    reason: str | None = None


class Host(Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="fact", tag="host"):
    """The machine at one moment; key (device, at)."""

    device: str
    at: int
    system: str | None = None
    release: str | None = None
    machine: str | None = None
    cpu_model: str | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    disk_total_bytes: int | None = None
    disk_free_bytes: int | None = None
    file_system: str | None = None
    caches: list[Cache] = []


Fact = Segment | Session | Command | Process | Flow | Sample | Project | Commit | Loss | Host
