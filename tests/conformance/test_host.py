"""What every host reader promises, whatever its mechanism."""

import pytest

from ptywrap import host, wire
from ptywrap.host.base import Probe, Reader

# By name: what a reader gives must be of the kind its field has.
TEXTS = {"system", "release", "machine", "cpu_model", "file_system"}
NUMBERS = {"cores", "memory_bytes", "disk_total_bytes", "disk_free_bytes"}
READERS = host.here()


class Empty:
    """A reader that claims to be one and gives nothing."""

    name = "empty"
    fields = frozenset({"system"})

    def probe(self) -> Probe:
        """Claim to work."""
        return Probe(usable=True)

    def read(self) -> dict[str, object]:
        """Give nothing."""
        return {}


def breaches(reader: Reader) -> list[str]:
    """Return what a reader does not keep of its promises."""
    if not reader.probe().usable:
        pytest.skip(f"{reader.name}: {reader.probe().reason}; {reader.probe().remedy}")
    given = reader.read()
    known = set(wire.Host.__struct_fields__) - {"device", "at"}
    told = [f"{name} is promised" for name in sorted(reader.fields - given.keys())]
    told += [f"{name} is no field of Host" for name in sorted(given.keys() - known)]
    told += [f"{n} is no text" for n in sorted(TEXTS & given.keys()) if not given[n]]
    told += [f"{n} is no number" for n in sorted(NUMBERS & given.keys()) if not _number(given[n])]
    return told


def _number(value: object) -> bool:
    return isinstance(value, int) and value > 0


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_reader_gives_what_it_promises(reader: Reader) -> None:
    assert breaches(reader) == []


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_probe_that_says_no_says_why(reader: Reader) -> None:
    probe = reader.probe()
    assert probe.usable or probe.reason


def test_an_empty_reader_is_found_out() -> None:
    assert breaches(Empty()) == ["system is promised"]


def test_every_entry_of_the_registry_can_be_made() -> None:
    assert len({reader.name for reader in READERS}) == len(READERS) > 0


def test_all_readers_together_make_a_fact() -> None:
    fact = host.read("d" * 32)
    assert wire.decode(wire.encode(fact)) == fact
    assert (fact.device, fact.cores is not None) == ("d" * 32, True)
