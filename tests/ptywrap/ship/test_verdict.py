"""Only the service's own JSON is a yes or a no; whatever else may answer means later."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ptywrap.ship.verdict import Answer, Meaning, Verdict, asked_s, verdict, wait_s

KEPT = {"batch": "b", "rows": 3, "rejected": 1, "repeated": False}
NO = {"error": "no"}


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(200, KEPT), Meaning.KEPT),
        (Answer(202, KEPT), Meaning.KEPT),
        (Answer(200, {**KEPT, "batch": "another"}), Meaning.LATER),
        (Answer(200, {}), Meaning.LATER),
        (Answer(200), Meaning.LATER),
        (Answer(204), Meaning.LATER),
        (Answer(302), Meaning.LATER),
        (Answer(302, KEPT), Meaning.LATER),
        (Answer(400, NO), Meaning.WRONG),
        (Answer(422, NO), Meaning.WRONG),
        (Answer(400), Meaning.LATER),
        (Answer(400, {"message": "not ours"}), Meaning.LATER),
        (Answer(401, NO), Meaning.STRANGER),
        (Answer(403, NO), Meaning.STRANGER),
        (Answer(403), Meaning.LATER),
        (Answer(404, NO), Meaning.LATER),
        (Answer(413, NO), Meaning.HALVE),
        (Answer(413), Meaning.HALVE),
        (Answer(429, NO), Meaning.LATER),
        (Answer(503, NO), Meaning.LATER),
        (Answer(0, why="no answer in time"), Meaning.LATER),
    ],
)
def test_an_answer_means(answer: Answer, meaning: Meaning) -> None:
    assert verdict(answer, "b").meaning == meaning


def test_a_yes_tells_how_many_rows_were_refused() -> None:
    assert verdict(Answer(200, KEPT), "b") == Verdict(Meaning.KEPT, refused=1)


def test_a_captive_portal_is_named() -> None:
    assert verdict(Answer(200), "b").why == (
        "200 with a page that is not the service's: a captive portal?"
    )


@pytest.mark.parametrize(
    ("header", "until_s", "wait"),
    [
        (None, None, None),
        ("120", None, 120.0),
        (" 7 ", None, 7.0),
        ("0", None, 1.0),
        ("99999", None, 3600.0),
        ("9" * 400, None, None),
        ("-5", None, None),
        ("soon", None, None),
        ("Tue, 24 Nov 2026 10:00:00 GMT", 42.0, 42.0),
        ("Tue, 24 Nov 2026 10:00:00 GMT", -42.0, 1.0),
    ],
)
def test_a_retry_after_asks_for(
    header: str | None, until_s: float | None, wait: float | None
) -> None:
    assert asked_s(header, until_s) == wait


@given(some.integers(0, 10_000), some.floats(0, 1))
def test_a_wait_is_never_longer_than_five_minutes(failures: int, draw: float) -> None:
    assert 0 <= wait_s(failures, draw) <= 300


def test_the_bound_of_a_wait_doubles() -> None:
    assert [wait_s(failures, 1.0) for failures in (0, 1, 2, 8, 9)] == [1, 2, 4, 256, 300]
