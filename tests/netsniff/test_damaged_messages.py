"""No parser of netsniff lets damage out: only its own error, no loop, nothing read past the end."""

import pytest

from netsniff.capture.cipher import Aes
from netsniff.capture.decode import Decoder
from netsniff.names import dns, quic, tls
from netsniff.sources import bpf_types, diag, nettop_log, scan_records
from scripts.proofs import fuzz_net, net_seeds
from scripts.proofs.net_targets import Target, Unsealed, targets

TARGETS = [pytest.param(target, id=target.name) for target in targets()]


@pytest.mark.parametrize("target", TARGETS)
def test_every_cut_of_every_good_message_is_read(target: Target) -> None:
    assert fuzz_net.cuts(target) == sum(len(seed) + 1 for seed in target.seeds)


@pytest.mark.parametrize("target", TARGETS)
def test_two_thousand_damaged_messages_are_read(target: Target) -> None:
    assert fuzz_net.thrown(target, 2_000) == 2_000


def test_the_alarm_ends_a_loop() -> None:
    def turn(_data: bytes) -> None:
        while True:
            pass

    with pytest.raises(AssertionError, match="took"):
        fuzz_net.thrown(Target("turn", turn, (b"x",)), 1, longest_seconds=0.05)


def test_the_same_seed_throws_the_same_messages() -> None:
    target = targets()[0]
    once, again = (fuzz_net.mutations(target, 7) for _ in range(2))
    assert [next(once) for _ in range(50)] == [next(again) for _ in range(50)]


# What damage starts from is good: else it would never come far into a parser.


def test_a_recorded_dump_holds_sockets() -> None:
    recorded = (net_seeds.RECORDED / "dump-6.18").read_bytes()
    assert diag.first_sight(recorded, len(recorded))[0] != []


def test_an_answer_names_two_addresses_behind_an_alias() -> None:
    told = dns.reply(net_seeds.dns()[0])
    assert told == dns.Reply(
        net_seeds.HOST, (dns.Address("192.0.2.7", 300), dns.Address("192.0.2.8", 300))
    )


@pytest.mark.parametrize("size", [100_000, 100, 7])
def test_a_hello_of_openssl_names_its_host(size: int) -> None:
    told = tls.client_hello(net_seeds.in_records(net_seeds.hello(), size))
    assert told is not None
    assert told.name == net_seeds.HOST


@pytest.mark.parametrize("version", [1, 0x6B3343CF])
@pytest.mark.parametrize("sealed", [True, False])
def test_an_initial_names_its_host(version: int, *, sealed: bool) -> None:
    packet = net_seeds.initial(net_seeds.frames(net_seeds.hello()[5:]), version, sealed=sealed)
    told = quic.Flight().take(packet, Aes() if sealed else Unsealed())
    assert told is not None
    assert told.name == net_seeds.HOST


def test_each_packet_names_its_host() -> None:
    decoder = Decoder(Aes())
    told = [{name.name for name in decoder.names(packet, 1)} for packet in net_seeds.packets()]
    assert told == [{net_seeds.HOST}] * 4


def test_a_log_of_nettop_holds_three_flows() -> None:
    assert [len(sample) for sample in nettop_log.Log().feed(net_seeds.NETTOP)] == [3]


def test_types_hold_a_member() -> None:
    assert bpf_types.Types(net_seeds.types()).offset("sock", "cookie") == 4


# Two streams are read from a pipe, cut anywhere.


def test_records_of_the_scanner_are_the_same_however_the_pipe_cuts_them() -> None:
    stream = net_seeds.scanned()
    whole, _ = scan_records.decode(stream)
    for cut in range(len(stream) + 1):
        first, used = scan_records.decode(stream[:cut])
        second, _ = scan_records.decode(stream[used:])
        assert first + second == whole


def test_a_log_of_nettop_is_the_same_however_the_pipe_cuts_it() -> None:
    whole = nettop_log.Log().feed(net_seeds.NETTOP)
    for cut in range(len(net_seeds.NETTOP) + 1):
        log = nettop_log.Log()
        first = log.feed(net_seeds.NETTOP[:cut])
        assert first + log.feed(net_seeds.NETTOP[cut:]) == whole


def test_a_number_longer_than_python_reads_is_no_number() -> None:
    line = b"time,,bytes_in,bytes_out,\n1,x." + b"9" * 5000 + b",,,\n"
    log = nettop_log.Log()
    log.feed(line)
    assert log.unread == 1
