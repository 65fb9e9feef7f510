"""Whether a store holds what a fleet was told it holds: no fact lost, none twice, no batch half.

The facts are made once more from the seed; the rows come from a reader that is none of the
service. A fact told again replaces the former: for each key the last acknowledged telling counts.
"""

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ptywrap import templates, wire
from ptywrap.projection import Keys
from scripts.fleet.ledger import Account, Fleet, Ledger
from scripts.fleet.life import Laptop, Sealed, segments
from scripts.fleet.pack import remote, shipped
from scripts.fleet.readers import Reader, Row

LOCAL = {"commands": ("line", "cwd"), "processes": ("exe", "cwd")}
CHECKED = {
    "commands": (("session", "id"), ("wall_ns", "exit_status", "template", "process_count")),
    "processes": (("session", "pid", "start_ticks"), ("wall_us", "cpu_user_us", "ppid")),
    "flows": (("session", "id", "command"), ("received_bytes", "sent_bytes")),
}
STRUCTS: Mapping[type, str] = {
    wire.Command: "commands",
    wire.Process: "processes",
    wire.Flow: "flows",
}
_US = 1000


PLACED = {"commands": ("started_at", "day")}
FAULTS = (
    *("lost_batches", "lost_rows", "twice", "partial", "altered", "foreign", "local", "misplaced"),
)
_MINUTES_NS = 120_000_000_000
"""What a clock may be off and is believed (storage.md 3.7)."""


class Telling(NamedTuple):
    """One telling of a fact: in which batch, which segment, what it said, and truly of when."""

    batch: str
    number: int
    values: Row
    at: int | None = None


class Findings(NamedTuple):
    """What is wrong, in numbers, and the first few in words; all zero where nothing is."""

    batches: int = 0
    acknowledged: int = 0
    rows: int = 0
    lost_batches: int = 0
    lost_rows: int = 0
    twice: int = 0
    partial: int = 0
    altered: int = 0
    foreign: int = 0
    local: int = 0
    misplaced: int = 0
    examples: tuple[str, ...] = ()

    @property
    def faults(self) -> int:
        """How many faults there are."""
        return sum(getattr(self, name) for name in FAULTS)

    def plus(self, other: "Findings") -> "Findings":
        """Add another laptop's."""
        names = self._fields[:-1]
        sums = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Findings(**sums, examples=(self.examples + other.examples)[:20])


def check(fleet: Fleet, ledger: Ledger, store: Reader) -> Findings:
    """Return what a store lacks or has too much of, over every laptop of a fleet."""
    accounts = ledger.accounts()
    told = {fate.batch for fate in ledger.fates() if fate.outcome == "acknowledged"}
    rules = shipped()
    total = Findings()
    for number in range(fleet.laptops):
        laptop = Laptop(fleet.seed, number)
        account = accounts.get(laptop.device)
        if account is not None:
            total = total.plus(_laptop(_made(fleet, laptop, account, rules), told, store, laptop))
    return total


def _made(
    fleet: Fleet, laptop: Laptop, account: Account, rules: templates.Rules
) -> list[tuple[Sealed, list[wire.Fact]]]:
    keys = Keys(bytes.fromhex(account.tenant_key), laptop.device)
    return [
        (sealed, remote(sealed, keys, rules))
        for sealed in segments(laptop, fleet.window, fleet.rows)
    ]


def _laptop(
    made: Iterable[tuple[Sealed, list[wire.Fact]]], told: set[str], store: Reader, laptop: Laptop
) -> Findings:
    tellings, batches = tellings_of(made, laptop.device)
    stored = Counter(row[0] for row in store.rows("batches", ("id",), laptop.device))
    acknowledged = told & batches
    found = Findings(
        batches=len(batches),
        acknowledged=len(acknowledged),
        lost_batches=len(acknowledged - stored.keys()),
        twice=sum(number - 1 for number in stored.values()),
        foreign=len(stored.keys() - batches),
        examples=tuple(f"lost batch {name}" for name in sorted(acknowledged - stored.keys())[:3]),
    )
    for table in CHECKED:
        found = found.plus(_table(table, tellings[table], set(stored), store, laptop))
    return found


def _table(
    table: str,
    tellings: Mapping[Row, list[Telling]],
    stored: set[str],
    store: Reader,
    laptop: Laptop,
) -> Findings:
    """Compare one table of one laptop with what was told; `stored` are the batches it has."""
    key, values = CHECKED[table]
    names = (*key, *values, *LOCAL.get(table, ()), *PLACED.get(table, ()), "batch")
    rows = store.rows(table, names, laptop.device)
    seen = Counter(row[: len(key)] for row in rows)
    wrong: Counter[str] = Counter()
    examples = []
    for row in rows:
        fault = _fault(table, dict(zip(names, row, strict=True)), tellings, stored)
        if fault:
            wrong[fault] += 1
            examples.append(f"{fault} in {table}: {row}")
    lost = [
        one
        for one, told in tellings.items()
        if one not in seen and any(telling.batch in stored for telling in told)
    ]
    return Findings(
        rows=len(rows),
        lost_rows=len(lost),
        twice=sum(number - 1 for number in seen.values()),
        partial=wrong["partial"],
        altered=wrong["altered"],
        foreign=wrong["foreign"],
        local=wrong["local"],
        misplaced=wrong["misplaced"],
        examples=(*examples[:3], *(f"lost from {table}: {one}" for one in lost[:3])),
    )


def _fault(
    table: str, row: Mapping[str, Any], tellings: Mapping[Row, list[Telling]], stored: set[str]
) -> str:
    """Return what is wrong with a stored row; empty where nothing is."""
    key, values = CHECKED[table]
    told = tellings.get(tuple(row[name] for name in key))
    if told is None:
        return "foreign"
    own = next((one for one in told if one.batch == row["batch"]), None)
    if own is None or own.batch not in stored:
        return "partial"
    last = max(one.number for one in told if one.batch in stored)
    if own.number != last or own.values != tuple(row[name] for name in values):
        return "altered"
    if any(row[name] for name in LOCAL.get(table, ())):
        return "local"
    return "" if table not in PLACED or _in_its_place(row, own.at) else "misplaced"


def _in_its_place(row: Mapping[str, Any], at: int | None) -> bool:
    """Say whether a row's time and day are those of the moment it was truly at."""
    if at is None:
        return True
    days = {_day(at - _MINUTES_NS), _day(at), _day(at + _MINUTES_NS)}
    return abs(row["started_at"] - at) <= _MINUTES_NS and str(row["day"]) in days


def _day(at: int) -> str:
    return datetime.datetime.fromtimestamp(at // 10**9, datetime.UTC).date().isoformat()


def tellings_of(
    made: Iterable[tuple[Sealed, list[wire.Fact]]], device: str
) -> tuple[dict[str, dict[Row, list[Telling]]], set[str]]:
    """Return by table and key what was told when, and the ids of all batches."""
    out: dict[str, dict[Row, list[Telling]]] = {table: {} for table in CHECKED}
    batches = set()
    for sealed, facts in made:
        batch = wire.batch_id(sealed.stem, device)
        number = int(sealed.stem.partition("-")[0])
        batches.add(batch)
        for fact in facts:
            table = STRUCTS.get(type(fact))
            if table is None:
                continue
            key, values = CHECKED[table]
            told = out[table].setdefault(values_of(fact, key), [])
            if told and told[-1].batch == batch:
                told.pop()
            at = fact.started_at if isinstance(fact, wire.Command) else None
            true = None if at is None else at - sealed.skew_ns
            told.append(Telling(batch, number, values_of(fact, values), true))
    return out, batches


def values_of(fact: Any, names: Iterable[str]) -> Row:
    return tuple(_value(fact, name) for name in names)


def _value(fact: Any, name: str) -> Any:
    if name.endswith("_us"):
        length = getattr(fact, f"{name[:-2]}ns")
        return None if length is None else length // _US
    value = getattr(fact, name)
    return value.hex() if isinstance(value, bytes) else value
