"""Token buckets: who floods waits, the others do not."""

from ingest.limits import Bucket, Limits


def test_a_bucket_gives_what_it_holds_and_then_says_when() -> None:
    bucket = Bucket(10, 20, 0.0)
    assert [bucket.take(1, 0.0) for _ in range(21)] == [0.0] * 20 + [0.1]


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(10, 20, 0.0)
    bucket.take(20, 0.0)
    assert bucket.take(5, 0.5) == 0.0
    assert bucket.take(1, 0.5) == 0.1


def test_a_bucket_never_holds_more_than_its_most() -> None:
    bucket = Bucket(10, 20, 0.0)
    assert bucket.take(20, 1000.0) == 0.0
    assert bucket.take(1, 1000.0) > 0


def test_more_than_the_bucket_ever_holds_is_given_once_it_is_full() -> None:
    bucket = Bucket(10, 20, 0.0)
    assert bucket.take(500, 0.0) == 0.0
    assert bucket.take(500, 1.0) == 1.0
    assert bucket.take(500, 2.0) == 0.0


def test_a_flooding_device_waits_and_another_does_not() -> None:
    limits = Limits(10, 5 << 20, 1000, 0.0)
    waits = [limits.wait("flood", 100, 0.0) for _ in range(200)]
    assert (waits.count(0.0), limits.wait("other", 100, 0.0)) == (20, 0.0)


def test_a_flood_takes_nothing_from_what_is_for_all() -> None:
    limits = Limits(10, 5 << 20, 20, 0.0)
    for _ in range(1000):
        limits.wait("flood", 100, 0.0)
    assert limits.wait("other", 100, 0.0) == 0.0


def test_bytes_are_limited_too() -> None:
    limits = Limits(1000, 60 << 10, 1000, 0.0)
    assert limits.wait("d", 60 << 10, 0.0) == 0.0
    assert limits.wait("d", 1 << 10, 0.0) == 1.0


def test_a_bucket_that_never_fills_says_a_minute() -> None:
    bucket = Bucket(0, 1, 0.0)
    assert (bucket.take(1, 0.0), bucket.take(1, 100.0)) == (0.0, 60.0)


def test_all_together_are_limited() -> None:
    limits = Limits(10, 5 << 20, 5, 0.0)
    waits = [limits.wait(f"d{number}", 1, 0.0) for number in range(11)]
    assert waits[:10] == [0.0] * 10
    assert waits[10] > 0
