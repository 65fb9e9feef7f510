"""Distinct batches of exactly 1,000 events of made-up laptops, and the same events as influx lines.

An event is one fact: a process, a sample, a telling of a command, a flow. Influx lines name in tags
what one groups by and in fields every number but ids; texts of which there are too many for tags
are left out, which favours whoever takes the lines.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any, NamedTuple

import zstandard

from ptywrap import templates, wire
from ptywrap.projection import Keys, outward
from scripts.fleet.life import Laptop, Window, segments
from scripts.fleet.pack import shipped

EVENTS = 1000
_SEED = 20
_DAYS = 2
_KEY = bytes(range(32))
_TABLES = ("processes", "samples", "commands", "flows", "sessions", "projects", "hosts", "losses")
_TAGS = frozenset(
    [
        "name",
        "template",
        "category",
        "completeness",
        "source",
        "class",
        "label",
        "remote_host",
        "protocol",
        "actor",
        "shell",
        "pid_confidence",
        "host_source",
        "sensor",
        "system",
    ]
)
_IDS = frozenset(["id", "command", "session"])
_MOMENTS = ("started_at", "opened_at", "at", "since")


class Made(NamedTuple):
    """One batch: whose, its id, its body as a laptop sends it, and what it is made of."""

    device: str
    id: str
    body: bytes
    plain: bytes
    events: int


def batches(number: int, until_at: int) -> Iterator[Made]:
    """Yield so many batches, of as many laptops as it takes, device after device in turn."""
    rules = shipped()
    window = Window(until_at, _DAYS)
    laptops = (laptop for laptop in map(_of(window, rules), range(number)) if laptop)
    yield from islice(_in_turn(laptops), number)


def lines(made: Made) -> tuple[bytes, int]:
    """Return the events of a batch as influx lines, times in ms, and how many values they have."""
    batch = wire.unpack(made.plain)
    out: list[tuple[str, int]] = []
    for name in _TABLES:
        table = batch.tables.get(name)
        if table is not None:
            out += _lines(table, f"{name},device={made.device}")
    return "\n".join(line for line, _ in out).encode(), sum(values for _, values in out)


def _of(window: Window, rules: templates.Rules) -> Any:
    def made(number: int) -> list[Made]:
        laptop = Laptop(_SEED, number)
        compressor = zstandard.ZstdCompressor(level=3)
        keys = Keys(_KEY, laptop.device)
        return list(_cut(laptop, window, (rules, keys, compressor)))

    return made


def _cut(laptop: Laptop, window: Window, how: tuple[Any, Keys, Any]) -> Iterator[Made]:
    """Join the segments of each boot and cut them anew; a rest that is too short is left out."""
    rules, keys, compressor = how
    number = 0
    for _, boot in groupby(segments(laptop, window), key=lambda one: one.header.boot_id):
        sealed = list(boot)
        told = [outward(fact, rules, keys) for one in sealed for fact in one.facts]
        facts = [fact for fact in told if fact is not None]
        header = sealed[-1].header
        for start in range(0, len(facts) - EVENTS + 1, EVENTS):
            number += 1
            name = wire.batch_id(f"{number:012d}-0123456789ab", laptop.device)
            plain = wire.pack(name, header, facts[start : start + EVENTS])
            yield Made(laptop.device, name, compressor.compress(plain), plain, EVENTS)


def _in_turn(laptops: Iterator[list[Made]]) -> Iterator[Made]:
    """Yield the batches of 50 laptops at a time, one of each after the other."""
    while group := list(islice(laptops, 50)):
        for place in range(max(map(len, group))):
            yield from (made[place] for made in group if place < len(made))


def _lines(table: wire.Table, head: str) -> Iterator[tuple[str, int]]:
    columns = {column: wire.values(packed, table.rows) for column, packed in table.columns.items()}
    moment = next((name for name in _MOMENTS if name in columns), None)
    for row in range(table.rows):
        known = {name: values[row] for name, values in columns.items() if values[row] is not None}
        at = known.pop(moment, None) if moment else None
        tags = "".join(
            f",{name}={_escaped(value)}"
            for name, value in known.items()
            if name in _TAGS and value != ""
        )
        fields = [
            f"{name}={int(value)}"
            for name, value in known.items()
            if type(value) is int and name not in _IDS
        ]
        stamp = "" if at is None else f" {at // 1_000_000}"
        fields = fields or ["told=1"]
        yield f"{head}{tags} {','.join(fields)}{stamp}", len(fields)


def _escaped(value: object) -> str:
    text = str(value)
    for letter in ("\\", ",", "=", " "):
        text = text.replace(letter, "\\" + letter)
    return text
