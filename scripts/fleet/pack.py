"""A made-up laptop's segments as the bodies its shipper would send."""

from collections.abc import Iterator
from pathlib import Path

import zstandard

from ptywrap import templates, wire
from ptywrap.projection import Keys, outward
from scripts.fleet.dice import Dice
from scripts.fleet.ledger import Account, Fleet
from scripts.fleet.life import DAY, HOUR, Laptop, Sealed, segments
from scripts.fleet.post import Prepared

LEVEL = 3


def shipped() -> templates.Rules:
    """Return the rules that ptywrap ships."""
    file = Path(templates.__file__).with_name("rules.toml")
    return templates.load(file.read_text(encoding="utf-8"))


def remote(sealed: Sealed, keys: Keys, rules: templates.Rules) -> list[wire.Fact]:
    """Return what of a segment may leave the laptop."""
    told = (outward(fact, rules, keys) for fact in sealed.facts)
    return [fact for fact in told if fact is not None]


def prepared(fleet: Fleet, number: int, account: Account) -> list[Prepared]:
    """Return every batch of one laptop, in the order and at the times at which it could send."""
    laptop = Laptop(fleet.seed, number)
    rules = shipped()
    keys = Keys(bytes.fromhex(account.tenant_key), laptop.device)
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    spells = list(offline(laptop, fleet))
    out = []
    for sealed in segments(laptop, fleet.window, fleet.rows):
        batch = wire.batch_id(sealed.stem, laptop.device)
        facts = remote(sealed, keys, rules)
        body = compressor.compress(wire.pack(batch, sealed.header, facts))
        due = next((end for start, end in spells if start <= sealed.at < end), sealed.at)
        out.append(Prepared(batch, body, len(facts), due, sealed.skew_ns))
    return out


def offline(laptop: Laptop, fleet: Fleet) -> Iterator[tuple[int, int]]:
    """Yield when a laptop has no network: now and then an hour, sometimes for days."""
    dice = Dice("offline", laptop.seed, laptop.number)
    at = fleet.window.until_at - fleet.window.days * DAY
    while at < fleet.window.until_at:
        at += dice.length(9 * HOUR, 0.8, 3 * DAY)
        length = dice.length(HOUR, 1.0, DAY) if dice.happens(900) else dice.whole(2, 8) * DAY
        yield at, at + length
        at += length
