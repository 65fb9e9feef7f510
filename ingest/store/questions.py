"""What pages ask a store and are answered: sums and quantiles of a window, by template, day, week.

All sums are of what is known. Quantiles are of the time a run took without its suspensions, exact
from rows and within 4 % from rollups; None where nobody knows: histograms are kept for a tenant and
a repo, not for one person or team. `people` counts persons, for whoever hides small groups.
"""

from typing import NamedTuple

ROWS, ROLLUPS = "rows", "rollups"


class Owner(NamedTuple):
    """One person of one tenant: whose rows are asked for, or go."""

    tenant: str
    person: str


class Window(NamedTuple):
    """Which ended commands: of days since the epoch, both included, of one tenant.

    `by` is wait, wall, cpu or runs, of which `top` come, greatest first; all where it is None.
    `source` is left to the engine where it is None: rows, or rollups where there are too many
    rows or where the rows are gone.
    """

    first_day: int
    last_day: int
    tenant: str = ""
    person: str | None = None
    team: str | None = None
    repo: str | None = None
    top: int | None = None
    by: str = "wait"
    source: str | None = None


class Sums(NamedTuple):
    """What a rollup adds up; a failure is a status but 0, or a signal."""

    runs: int = 0
    failures: int = 0
    wall_ns: int = 0
    wait_ns: int = 0
    cpu_ns: int = 0
    runqueue_ns: int = 0
    disk_ns: int = 0
    network_ns: int = 0
    input_ns: int = 0
    lock_ns: int = 0
    other_ns: int = 0
    dl_active_ns: int = 0
    received_bytes: int = 0


class Template(NamedTuple):
    """The runs of one template."""

    template: str | None
    category: str | None
    people: int
    sums: Sums
    p50_ns: int | None
    p95_ns: int | None


class Templates(NamedTuple):
    """Templates, the dearest first, and whether rows or rollups said so."""

    rows: list[Template]
    source: str


class Period(NamedTuple):
    """The runs of a day, or of the ISO week that begins on that day."""

    first_day: int
    people: int
    sums: Sums
    p50_ns: int | None = None
    p95_ns: int | None = None


class Periods(NamedTuple):
    """Days or weeks in which something ran, oldest first, and whether rows or rollups said so."""

    rows: list[Period]
    source: str


class Program(NamedTuple):
    """The processes of one name; from rows alone, for as long as these are kept."""

    name: str | None
    people: int
    processes: int
    cpu_us: int
    wall_us: int
    peak_rss_bytes: int | None


class Remote(NamedTuple):
    """The flows to one host; one that was closed before a byte came has failed."""

    remote_host: str | None
    people: int
    flows: int
    failed: int
    received_bytes: int
    sent_bytes: int
    connect_p50_ns: int | None
    first_byte_p50_ns: int | None


class Remotes(NamedTuple):
    """Hosts, those of most bytes first, and whether rows or rollups said so."""

    rows: list[Remote]
    source: str


class Median(NamedTuple):
    """A closed ISO week of a template in a team and repo: medians over people of their medians."""

    week: int
    team: str | None
    repo: str | None
    template: str | None
    people: int
    runs: int
    failures: int
    wait_ns: int
    p50_ns: int
    p90_ns: int
