"""The book answers with the name that is best known, and with none where it would be a guess."""

from typing import Any

from netsniff.model import Connection, Endpoint, Name
from netsniff.names.book import Answer, Book

SECOND = 1_000_000_000
NOW = 1000 * SECOND
ADDRESS = "192.0.2.1"
NOBODY = Answer(None, None)


def a_connection(port: int = 40000, **fields: Any) -> Connection:
    """One that opened a moment ago."""
    made = Connection("tcp", remote_address=ADDRESS, remote_port=443, local_port=port)
    return made._replace(opened_ns=NOW, local_address="10.0.0.2")._replace(**fields)


def a_hello(name: str | None, port: int = 40000, at_ns: int = NOW, source: str = "sni") -> Name:
    return Name(at_ns, source, name, Endpoint(ADDRESS, 443), Endpoint("10.0.0.2", port))


def an_answer(name: str, ttl: int = 60, at_ns: int = NOW, address: str = ADDRESS) -> Name:
    return Name(at_ns, "dns", name, Endpoint(address, 0), None, at_ns + ttl * SECOND)


def a_line(name: str, address: str = ADDRESS) -> Name:
    return Name(0, "hosts", name, Endpoint(address, 0))


def a_book(*names: Name) -> Book:
    book = Book()
    for name in names:
        book.take(name)
    return book


def test_a_connection_of_nobody_known_has_no_name() -> None:
    assert Book().host(a_connection(), NOW) == NOBODY


def test_a_connection_s_own_hello_comes_before_all() -> None:
    book = a_book(an_answer("dns.example"), a_hello("own.example"))
    book.hosts([a_line("hosts.example")])
    assert book.host(a_connection(), NOW) == Answer("own.example", "sni")


def test_two_names_on_one_address_are_told_apart() -> None:
    book = a_book(a_hello("a.example", 40001), a_hello("b.example", 40002))
    found = [book.host(a_connection(port), NOW).host for port in (40001, 40002, 40003)]
    assert found == ["a.example", "b.example", None]


def test_a_name_of_quic_is_for_udp_alone() -> None:
    book = a_book(a_hello("own.example", source="quic"))
    found = [book.host(a_connection(protocol=kind), NOW) for kind in ("udp", "tcp")]
    assert found == [Answer("own.example", "quic"), NOBODY]


def test_a_socket_bound_to_no_address_has_its_name() -> None:
    book = a_book(a_hello("own.example", source="quic"))
    found = book.host(a_connection(protocol="udp", local_address="0.0.0.0"), NOW)  # noqa: S104
    assert found == Answer("own.example", "quic")


def test_a_hello_from_another_address_is_another_s() -> None:
    book = a_book(a_hello("own.example"))
    assert book.host(a_connection(local_address="10.0.0.3"), NOW) == NOBODY


def test_a_port_used_again_has_the_name_of_each_connection() -> None:
    times = [NOW, NOW + 3_000_000, NOW + 6_000_000]
    book = a_book(
        *(a_hello(f"{at}.example", at_ns=time + 500_000) for at, time in enumerate(times))
    )
    found = [
        book.host(a_connection(opened_ns=time, closed_ns=time + 2_000_000), time).host
        for time in times
    ]
    assert found == ["0.example", "1.example", "2.example"]


def test_a_hello_of_one_connection_is_not_that_of_the_next_one_on_its_ports() -> None:
    """The second is not TLS: it has no hello of its own."""
    book = a_book(a_hello("own.example", at_ns=NOW + 500_000))
    first = a_connection(cookie=1, closed_ns=NOW + 2_000_000)
    second = a_connection(cookie=2, opened_ns=NOW + 3_000_000, closed_ns=NOW + 5_000_000)
    found = [book.host(each, NOW).host for each in (first, second, first)]
    assert found == ["own.example", None, "own.example"]


def test_a_hello_long_before_a_connection_is_another_s() -> None:
    book = a_book(a_hello("old.example", at_ns=NOW - 10 * SECOND))
    assert book.host(a_connection(), NOW) == NOBODY


def test_a_long_connection_keeps_the_name_of_its_begin() -> None:
    book = a_book(a_hello("own.example"))
    later = NOW + 3600 * SECOND
    assert book.host(a_connection(), later) == Answer("own.example", "sni")


def test_a_connection_whose_opening_nobody_saw_has_the_last_hello_of_its_ports() -> None:
    book = a_book(a_hello("old.example", at_ns=NOW - 99 * SECOND), a_hello("own.example"))
    found = book.host(a_connection(opened_ns=None), NOW + SECOND)
    assert found == Answer("own.example", "sni")


def test_a_cut_hello_leaves_what_dns_said() -> None:
    book = a_book(a_hello(None), an_answer("dns.example"))
    assert book.host(a_connection(), NOW) == Answer("dns.example", "dns")


def test_a_cut_hello_alone_is_no_name_and_is_counted() -> None:
    book = a_book(a_hello("own.example", 40001), a_hello(None, 40002))
    found = book.host(a_connection(40002), NOW)
    assert (found, book.taken) == (NOBODY, {("sni", True): 1, ("sni", False): 1})


def test_a_cut_hello_ends_what_its_ports_meant_before() -> None:
    book = a_book(a_hello("old.example", at_ns=NOW - SECOND), a_hello(None))
    assert book.host(a_connection(), NOW) == NOBODY


def test_an_answer_holds_for_its_time_to_live() -> None:
    book = a_book(an_answer("dns.example", ttl=60))
    found = [book.host(a_connection(opened_ns=NOW + s * SECOND), NOW + s * SECOND).host
             for s in (0, 59, 61)]  # fmt: skip
    assert found == ["dns.example", "dns.example", None]


def test_an_answer_for_one_connection_holds_for_a_moment() -> None:
    book = a_book(an_answer("dns.example", ttl=0))
    found = [book.host(a_connection(), NOW + s * SECOND).host for s in (1, 6)]
    assert found == ["dns.example", None]


def test_an_answer_does_not_name_what_was_before_it() -> None:
    book = a_book(an_answer("dns.example"))
    assert book.host(a_connection(), NOW - 5 * SECOND) == NOBODY


def test_an_answer_repeated_holds_from_the_first_to_the_last() -> None:
    book = a_book(*(an_answer("dns.example", 60, NOW + 30 * s * SECOND) for s in range(40)))
    found = [book.host(a_connection(), NOW + s * SECOND).host for s in (0, 600, 1229, 1231)]
    assert found == ["dns.example", "dns.example", "dns.example", None]


def test_an_address_with_two_names_has_none() -> None:
    book = a_book(an_answer("a.example"), an_answer("b.example"))
    book.hosts([a_line("hosts.example")])
    assert book.host(a_connection(), NOW) == NOBODY


def test_an_address_whose_other_name_has_expired_has_one() -> None:
    book = a_book(an_answer("a.example", ttl=10), an_answer("b.example", ttl=600))
    assert book.host(a_connection(), NOW + 20 * SECOND) == Answer("b.example", "dns")


def test_the_hosts_file_names_what_nobody_else_does() -> None:
    book = Book()
    book.hosts([a_line("hosts.example")])
    assert book.host(a_connection(), NOW) == Answer("hosts.example", "hosts")


def test_a_hosts_file_with_two_names_for_an_address_names_none() -> None:
    book = Book()
    book.hosts([a_line("a.example"), a_line("b.example"), a_line("a.example")])
    assert book.host(a_connection(), NOW) == NOBODY


def test_a_hosts_file_read_anew_replaces_the_former() -> None:
    book = Book()
    book.hosts([a_line("a.example")])
    book.hosts([a_line("b.example")])
    assert book.host(a_connection(), NOW).host == "b.example"


def test_a_connection_without_a_peer_has_no_name() -> None:
    assert a_book(an_answer("dns.example")).host(Connection("udp"), NOW) == NOBODY


def test_the_book_forgets_the_oldest_and_stays_small() -> None:
    book = a_book(
        *(an_answer("x.example", 60, NOW, f"10.{n >> 8}.{n & 255}.1") for n in range(20000))
    )
    found = [
        book.host(a_connection()._replace(remote_address=address), NOW).host
        for address in ("10.0.0.1", "10.78.31.1")
    ]
    assert found == [None, "x.example"]
