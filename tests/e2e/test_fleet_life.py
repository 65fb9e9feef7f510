"""A made-up fleet: the same facts for the same seed, lives that look like lives, an exact check."""

import datetime
import json
from collections import Counter
from pathlib import Path
from typing import Any

import zstandard

from ptywrap import wire
from ptywrap.projection import Keys
from scripts.fleet.check import CHECKED, FAULTS, check, values_of
from scripts.fleet.dice import Dice
from scripts.fleet.ledger import Account, Fate, Fleet, Ledger
from scripts.fleet.life import DAY, UNTIL, Laptop, Window, _boots, segments
from scripts.fleet.pack import offline, prepared, remote, shipped
from scripts.fleet.readers import Row

WINDOW = Window(UNTIL, days=4, commands_a_day=8)
FLEET = Fleet("http://127.0.0.1:1", 2, 4, WINDOW, 300)


def a_fact(kind: type[Any]) -> Any:
    """The first fact of a kind in a life."""
    lives = (fact for sealed in segments(Laptop(4, 0), WINDOW) for fact in sealed.facts)
    return next(fact for fact in lives if isinstance(fact, kind))


class Held:
    """A reader of rows that a test keeps."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]]) -> None:
        self.tables = tables

    def rows(self, table: str, columns: Any, device: str) -> list[Row]:
        """The rows of a device."""
        found = [row for row in self.tables[table] if row["device"] == device]
        return [tuple(row.get(name) for name in columns) for row in found]

    def close(self) -> None:
        """Nothing is open."""


def account(number: int) -> Account:
    """What a laptop was given."""
    return Account(Laptop(FLEET.seed, number).device, "t", "ab" * 32)


def played(folder: Path) -> tuple[Ledger, Held]:
    """A fleet whose every batch was acknowledged, and a store that has all of it."""
    ledger = Ledger(folder)
    ledger.begin(FLEET)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in (*CHECKED, "batches")}
    for number in range(FLEET.laptops):
        mine = account(number)
        ledger.enrolled(mine)
        keep(mine, number, ledger, tables)
    return ledger, Held(tables)


def keep(
    mine: Account, number: int, ledger: Ledger, tables: dict[str, list[dict[str, Any]]]
) -> None:
    """Store a laptop's batches one after the other, the last telling of a fact in place."""
    keys = Keys(bytes.fromhex(mine.tenant_key), mine.device)
    rules = shipped()
    rows: dict[tuple[str, Row], dict[str, Any]] = {}
    names = {wire.Command: "commands", wire.Process: "processes", wire.Flow: "flows"}
    for sealed in segments(Laptop(FLEET.seed, number), WINDOW, FLEET.rows):
        batch = wire.batch_id(sealed.stem, mine.device)
        tables["batches"].append({"device": mine.device, "id": batch})
        ledger.told(Fate(batch, mine.device, "acknowledged", 200, 1, 0))
        for fact in remote(sealed, keys, rules):
            table = names.get(type(fact))
            if table is not None:
                key, values = CHECKED[table]
                row = dict(zip((*key, *values), values_of(fact, (*key, *values)), strict=True))
                row |= {"device": mine.device, "batch": batch}
                if isinstance(fact, wire.Command):
                    row |= placed((fact.started_at or 0) - sealed.skew_ns)
                rows[table, values_of(fact, key)] = row
    for (table, _), row in rows.items():
        tables[table].append(row)


def placed(at: int) -> dict[str, Any]:
    """The time and day of a row that began at a moment."""
    day = datetime.datetime.fromtimestamp(at // 10**9, datetime.UTC).date()
    return {"started_at": at, "day": day}


def faults(ledger: Ledger, held: Held) -> dict[str, int]:
    """The faults that a check finds, by name."""
    found = check(FLEET, ledger, held)._asdict()
    return {name: found[name] for name in FAULTS if found[name]}


def test_the_same_seed_makes_the_same_facts() -> None:
    assert list(segments(Laptop(1, 7), WINDOW)) == list(segments(Laptop(1, 7), WINDOW))


def test_no_two_laptops_live_alike() -> None:
    first, second = (list(segments(Laptop(1, number), WINDOW)) for number in (0, 1))
    assert {one.stem for one in first} & {one.stem for one in second} == set()


def test_batches_are_the_same_bytes_when_they_are_made_again() -> None:
    assert prepared(FLEET, 0, account(0)) == prepared(FLEET, 0, account(0))


def test_a_body_is_a_batch_the_product_reads() -> None:
    first = prepared(FLEET, 0, account(0))[0]
    batch = wire.unpack(zstandard.decompress(first.body, max_output_size=wire.BATCH_LIMIT))
    assert (batch.id, batch.device) == (first.batch, account(0).device)


def test_what_is_typed_often_is_typed_much_more_often() -> None:
    lives = (fact for n in range(6) for one in segments(Laptop(2, n), WINDOW) for fact in one.facts)
    typed = Counter(fact.line for fact in lives if isinstance(fact, wire.Command) and fact.line)
    (_, most), *rest = typed.most_common()
    assert most > 5 * rest[len(rest) // 2][1]


def test_the_parts_of_a_run_add_up() -> None:
    lives = (fact for one in segments(Laptop(4, 0), WINDOW) for fact in one.facts)
    ended = [fact for fact in lives if isinstance(fact, wire.Command) and fact.split is not None]
    parts = [sum(getattr(one.split, name) or 0 for name in SPLIT) for one in ended]
    assert parts == [one.wall_ns for one in ended]


SPLIT = wire.Split.__struct_fields__


def test_some_clocks_are_far_off() -> None:
    lives = [_boots(Laptop(1, n), WINDOW, Dice("clocks", n)) for n in range(400)]
    skews = {boot.skew_ns for boots in lives for boot, _ in boots}
    assert (max(skews) == 400 * DAY, min(skews) < -3600 * 10**9) == (True, True)


def test_a_laptop_is_offline_now_and_then() -> None:
    spells = [
        end - start for number in range(20) for start, end in offline(Laptop(1, number), FLEET)
    ]
    assert max(spells) > DAY


def test_a_store_that_has_everything_is_without_fault(tmp_path: Path) -> None:
    assert faults(*played(tmp_path)) == {}


def test_a_row_that_is_gone_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    held.tables["processes"].pop()
    assert faults(ledger, held) == {"lost_rows": 1}


def test_a_batch_that_is_gone_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    gone = held.tables["batches"].pop(0)["id"]
    for table in CHECKED:
        held.tables[table] = [row for row in held.tables[table] if row["batch"] != gone]
    assert faults(ledger, held)["lost_batches"] == 1


def test_a_row_that_is_there_twice_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    held.tables["commands"].append(held.tables["commands"][0])
    assert faults(ledger, held) == {"twice": 1}


def test_half_a_batch_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    held.tables["batches"].pop()
    assert faults(ledger, held)["partial"] > 0


def test_another_value_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    held.tables["commands"][0]["wall_ns"] = 1
    assert faults(ledger, held) == {"altered": 1}


def test_a_text_that_should_have_stayed_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    held.tables["processes"][0]["cwd"] = "/home/ada"
    assert faults(ledger, held) == {"local": 1}


def test_another_day_is_found_out(tmp_path: Path) -> None:
    ledger, held = played(tmp_path)
    row = held.tables["commands"][0]
    row |= placed(row["started_at"] + DAY)
    assert faults(ledger, held) == {"misplaced": 1}


def test_a_ledger_survives_a_line_that_a_kill_cut(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    whole = Fate("a", "d", "acknowledged", 200, 1, 3)
    ledger.told(whole)
    with (tmp_path / "fates.jsonl").open("a") as file:
        file.write(json.dumps(whole._asdict())[:20])
    assert ledger.fates() == [whole]
