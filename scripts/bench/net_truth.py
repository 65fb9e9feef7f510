"""Joins what the server and the kernel know of each connection with what an observer claims.

A claim with a local port is joined by (port, time), one to one; a port may come back within a
millisecond, so of those near in time the one with the same bytes is meant, and others are joined in
turn. A claim without a port (the run record tells none) is joined by its bytes, which the loads
make different for each connection, and what is left by time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

TOLERANCE_NS = 400_000_000
EXACT_BYTES = 1


class Truth(NamedTuple):
    """One connection as the server logged it, bytes as the client sees them; `pid` by the kernel.

    `kernel_received` and `kernel_sent` are what passed the client's socket calls.
    """

    server_port: int
    address: str
    port: int
    accepted_ns: int
    closed_ns: int | None
    sent_bytes: int
    received_bytes: int
    reset: bool
    pid: int | None = None
    kernel_received: int | None = None
    kernel_sent: int | None = None

    @classmethod
    def of(cls, line: Sequence[Any]) -> "Truth":
        """Return a line of the server's log."""
        address = line[1].removeprefix("::ffff:")
        return cls(line[0], address, *line[2:])


class Claim(NamedTuple):
    """What an observer says of one connection; None: it does not say."""

    port: int | None = None
    opened_ns: int | None = None
    closed_ns: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    pid: int | None = None
    confidence: str = "none"


class Rest(NamedTuple):
    """What an observer sums up and does not name; `number` None: it says no number."""

    number: int | None = 0
    received_bytes: int = 0
    sent_bytes: int = 0


NO_REST = Rest()


class Score(NamedTuple):
    """How an observer's claims compare with the truth; all but `cpu_s` are numbers."""

    connections: int
    seen: int
    within: int
    right: int
    wrong: int
    wrong_exact: int
    foreign: int
    told_bytes: int
    true_bytes: int
    exact: int = 0
    likely: int = 0
    likely_right: int = 0
    judged: int = 0
    """Connections whose true process is known."""


class Traced(NamedTuple):
    """A client's connection as the kernel's tracepoints tell it."""

    port: int
    pid: int
    opened_ns: int
    closed_ns: int
    received_bytes: int
    sent_bytes: int


def with_pids(truths: Iterable[Truth], traced: Sequence[Traced]) -> list[Truth]:
    """Give each connection of the server's log the process the kernel names for it."""
    log = list(truths)
    claims = [
        Claim(one.port, one.opened_ns, one.closed_ns, one.received_bytes, one.sent_bytes)
        for one in traced
    ]
    found = dict(_by_port(log, claims, range(len(claims))))
    given = {place: traced[at] for at, place in found.items()}
    return [
        truth._replace(
            pid=given[place].pid,
            kernel_received=given[place].received_bytes,
            kernel_sent=given[place].sent_bytes,
        )
        if place in given
        else truth
        for place, truth in enumerate(log)
    ]


def joined(truths: Sequence[Truth], claims: Sequence[Claim]) -> dict[int, int]:
    """Return the place of the connection that each claim is about, by the claim's place."""
    with_port = [at for at, claim in enumerate(claims) if claim.port is not None]
    pairs = dict(_by_port(truths, claims, with_port))
    rest = [at for at, claim in enumerate(claims) if claim.port is None]
    taken = set(pairs.values())
    pairs |= _by_bytes(truths, claims, rest, taken)
    taken = set(pairs.values())
    left = [at for at in rest if at not in pairs]
    free = [place for place in range(len(truths)) if place not in taken]
    pairs |= dict(_nearest([(at, place) for at in left for place in free], truths, claims))
    return pairs


def score(truths: Sequence[Truth], claims: Sequence[Claim], rest: Rest = NO_REST) -> Score:
    """Compare claims with the truth; one without a true pid is judged by bytes alone.

    Those that are summed up are seen, and right where their bytes agree with what no claim is
    about, each of them to a byte.
    """
    pairs = joined(truths, claims)
    left = [truth for place, truth in enumerate(truths) if place not in set(pairs.values())]
    agrees = _agrees(rest, left)
    number = len(left) * agrees if rest.number is None else rest.number
    summed = min(number, len(left))
    both = [(truths[place], claims[at]) for at, place in pairs.items()]
    named = [(truth, claim) for truth, claim in both if claim.pid is not None]
    wrong = [pair for pair in named if pair[0].pid not in {None, pair[1].pid}]
    likely = [pair for pair in named if pair[1].confidence == "likely"]
    return Score(
        len(truths),
        len(pairs) + summed,
        sum(_exact(truth, claim) for truth, claim in both) + (summed if agrees else 0),
        sum(truth.pid == claim.pid for truth, claim in named) + (summed if agrees else 0),
        len(wrong),
        sum(claim.confidence == "exact" for _, claim in wrong),
        len(claims) - len(pairs) + number - summed,
        sum((claim.received_bytes or 0) + (claim.sent_bytes or 0) for _, claim in both)
        + rest.received_bytes
        + rest.sent_bytes,
        sum(truth.received_bytes + truth.sent_bytes for truth in truths),
        sum(claim.confidence == "exact" for _, claim in named),
        len(likely),
        sum(truth.pid == claim.pid for truth, claim in likely),
        sum(truth.pid is not None for truth in truths),
    )


def _agrees(rest: Rest, left: Sequence[Truth]) -> bool:
    off = (
        rest.received_bytes - sum(truth.received_bytes for truth in left),
        rest.sent_bytes - sum(truth.sent_bytes for truth in left),
    )
    return rest.number in {None, len(left)} and max(map(abs, off)) <= EXACT_BYTES * len(left)


def _exact(truth: Truth, claim: Claim) -> bool:
    if claim.received_bytes is None or claim.sent_bytes is None:
        return False
    off = (claim.received_bytes - truth.received_bytes, claim.sent_bytes - truth.sent_bytes)
    return max(map(abs, off)) <= EXACT_BYTES


def _by_port(
    truths: Sequence[Truth], claims: Sequence[Claim], which: Iterable[int]
) -> list[tuple[int, int]]:
    places, asked = defaultdict(list), defaultdict(list)
    for place, truth in enumerate(truths):
        places[truth.port].append(place)
    for at in which:
        asked[claims[at].port or 0].append(at)
    pairs: list[tuple[int, int]] = []
    for port, ats in asked.items():
        pairs += _of_one_port(truths, claims, ats, places.get(port, []))
    return pairs


def _of_one_port(
    truths: Sequence[Truth], claims: Sequence[Claim], ats: list[int], places: list[int]
) -> list[tuple[int, int]]:
    alike = [(at, place) for at in ats for place in places if _exact(truths[place], claims[at])]
    pairs = _nearest(alike, truths, claims)
    ats = [at for at in ats if at not in {at for at, _ in pairs}]
    places = [place for place in places if place not in {place for _, place in pairs}]
    ats.sort(key=lambda at: _ended(claims[at]))
    places.sort(key=lambda place: truths[place].accepted_ns)
    in_turn = list(zip(ats, places, strict=False))
    if len(ats) == len(places) and all(_fits(truths, claims, pair) for pair in in_turn):
        return pairs + in_turn
    return pairs + _nearest([(at, place) for at in ats for place in places], truths, claims)


def _ended(claim: Claim) -> int:
    return claim.closed_ns or claim.opened_ns or 0


def _fits(truths: Sequence[Truth], claims: Sequence[Claim], pair: tuple[int, int]) -> bool:
    return _apart(truths[pair[1]], claims[pair[0]]) is not None


def _by_bytes(
    truths: Sequence[Truth], claims: Sequence[Claim], which: Iterable[int], taken: set[int]
) -> dict[int, int]:
    places = defaultdict(list)
    for place, truth in enumerate(truths):
        if place not in taken:
            places[truth.received_bytes].append(place)
    candidates = [
        (at, place)
        for at in which
        for off in (0, 1, -1)
        for place in places.get((claims[at].received_bytes or 0) + off, [])
        if _exact(truths[place], claims[at])
    ]
    return dict(_nearest(candidates, truths, claims))


def _nearest(
    candidates: Iterable[tuple[int, int]], truths: Sequence[Truth], claims: Sequence[Claim]
) -> list[tuple[int, int]]:
    """Pair claims and connections one to one, the nearest in time first."""
    ranked = sorted(
        (apart, at, place)
        for at, place in candidates
        if (apart := _apart(truths[place], claims[at])) is not None
    )
    pairs, used, taken = [], set(), set()
    for _, at, place in ranked:
        if at not in used and place not in taken:
            used.add(at)
            taken.add(place)
            pairs.append((at, place))
    return pairs


def _apart(truth: Truth, claim: Claim) -> tuple[int, int] | None:
    """Return how far in time a claim lies from a connection, None when it cannot be that one."""
    began = claim.opened_ns if claim.opened_ns is not None else claim.closed_ns
    ended = claim.closed_ns if claim.closed_ns is not None else began
    if began is None or ended is None:
        return 0, 0
    closed = truth.closed_ns if truth.closed_ns is not None else max(ended, truth.accepted_ns)
    gap = max(0, began - closed, truth.accepted_ns - ended)
    if gap > TOLERANCE_NS:
        return None
    return gap, abs(began - truth.accepted_ns) + abs(ended - closed)
