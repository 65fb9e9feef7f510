"""The critical path tiles the wall exactly, whatever the tree."""

from hypothesis import given
from hypothesis import strategies as st

from ptywrap.observe.path import Piece, Span, pieces

END = 1000


@st.composite
def trees(draw: st.DrawFn) -> list[Span]:
    """Return up to 60 processes: orphans, equal times, some without length, some still running."""
    spans: list[Span] = []
    for pid in range(draw(st.integers(0, 60))):
        parent = draw(st.integers(-1, pid - 1)) if pid else -1
        low, high = (0, END) if parent < 0 else (spans[parent].born_ns, spans[parent].ended_ns)
        born = draw(st.integers(low, min(high, END)))
        ended = draw(st.integers(born, END + 50))
        spans.append(Span(pid + 2, born, ended, parent, None))
    return spans


def shuffled(spans: list[Span], order: list[int]) -> list[Span]:
    """Return the same tree in another order."""
    places = {old: new for new, old in enumerate(order)}
    return [spans[i]._replace(parent=places.get(spans[i].parent, -1)) for i in order]


def test_the_last_to_finish_is_on_the_path() -> None:
    spans = [Span(2, 0, 400, -1, None), Span(3, 0, 900, -1, None)]
    assert pieces(spans, 0, 1000) == [Piece(1, 0, 900), Piece(-1, 900, 1000)]


def test_one_after_the_other_are_both_on_the_path() -> None:
    spans = [Span(2, 0, 400, -1, None), Span(3, 400, 1000, -1, None)]
    assert pieces(spans, 0, 1000) == [Piece(0, 0, 400), Piece(1, 400, 1000)]


def test_a_parent_keeps_what_no_child_explains() -> None:
    spans = [Span(2, 0, 1000, -1, None), Span(3, 200, 500, 0, None)]
    assert pieces(spans, 0, 1000) == [Piece(0, 0, 200), Piece(1, 200, 500), Piece(0, 500, 1000)]


def test_behind_an_orphan_the_path_goes_on_in_who_forked_it() -> None:
    spans = [Span(2, 0, 300, -1, None), Span(3, 200, 1000, 0, None)]
    assert pieces(spans, 0, 1000) == [Piece(0, 0, 200), Piece(1, 200, 1000)]


def test_of_equal_ends_the_earlier_start_is_on_the_path() -> None:
    spans = [Span(3, 200, 1000, -1, None), Span(2, 100, 1000, -1, None)]
    assert pieces(spans, 0, 1000) == [Piece(-1, 0, 100), Piece(1, 100, 1000)]


def test_what_outlives_the_command_does_not_hold_it() -> None:
    spans = [Span(2, 100, 2000, -1, None)]
    assert pieces(spans, 0, 1000) == [Piece(-1, 0, 1000)]


def test_a_chain_of_ten_thousand_needs_no_recursion() -> None:
    deep = 10_000
    nested = [Span(i, i, 3 * deep - i, i - 1, None) for i in range(deep)]
    daemons = [Span(i, i, deep + i, i - 1, None) for i in range(deep)]
    found = [pieces(nested, 0, 3 * deep), pieces(daemons, 0, 3 * deep)]
    assert [len(path) > deep for path in found] == [True, True]


@given(trees())
def test_pieces_tile_the_wall(spans: list[Span]) -> None:
    found = pieces(spans, 0, END)
    borders = [0, *(piece.until_ns for piece in found)]
    assert [piece.since_ns for piece in found] == borders[:-1]
    assert borders[-1] == END


@given(trees())
def test_each_piece_lies_in_the_life_of_its_process(spans: list[Span]) -> None:
    outside = [
        piece
        for piece in pieces(spans, 0, END)
        if piece.who >= 0
        and not (
            spans[piece.who].born_ns <= piece.since_ns
            and piece.until_ns <= spans[piece.who].ended_ns
        )
    ]
    assert outside == []


@given(trees(), st.data())
def test_the_order_of_the_input_changes_nothing(spans: list[Span], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(spans))))
    mixed = shuffled(spans, order)
    expected = [
        (spans[p.who].pid if p.who >= 0 else -1, p.since_ns, p.until_ns)
        for p in pieces(spans, 0, END)
    ]
    actual = [
        (mixed[p.who].pid if p.who >= 0 else -1, p.since_ns, p.until_ns)
        for p in pieces(mixed, 0, END)
    ]
    assert actual == expected


@given(trees())
def test_who_ended_before_the_command_began_changes_nothing(spans: list[Span]) -> None:
    later = [s._replace(born_ns=s.born_ns + 10, ended_ns=s.ended_ns + 10) for s in spans]
    early = [*later, Span(9999, 1, 5, -1, None)]
    assert pieces(early, 10, END + 10) == pieces(later, 10, END + 10)
