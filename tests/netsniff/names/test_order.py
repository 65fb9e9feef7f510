"""Pieces of a stream are put in order up to the first hole."""

from netsniff.names.order import contiguous, joined


def test_pieces_in_any_order_are_one_stream() -> None:
    assert contiguous([(4, b"ef"), (0, b"ab"), (2, b"cd")]) == b"abcdef"


def test_a_hole_ends_the_stream() -> None:
    assert contiguous([(0, b"ab"), (3, b"d")]) == b"ab"


def test_what_overlaps_counts_once() -> None:
    assert contiguous([(0, b"abcd"), (2, b"cdef"), (1, b"b")]) == b"abcdef"


def test_nothing_is_an_empty_stream() -> None:
    assert (contiguous([]), joined([])) == (b"", b"")


def test_sequence_numbers_wrap() -> None:
    assert joined([(0xFFFFFFFE, b"ab"), (2, b"ef"), (0, b"cd")]) == b"abcdef"


def test_a_segment_from_before_the_first_is_left_out() -> None:
    assert joined([(10, b"ab"), (8, b"xxyy"), (12, b"cd")]) == b"abcd"
