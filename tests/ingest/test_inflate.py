"""Compressed bodies: what is ours opens, and no bomb takes more than its bound."""

import functools
import gzip
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest import inflate
from ptywrap import wire

PLAIN = b"plain " * 1000
KIB = 1024


def _frame(plain: bytes, *, told: bool) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=told).compress(plain)


BODIES = {
    "zstd": _frame(PLAIN, told=True),
    "untold": _frame(PLAIN, told=False),
    "gzip": gzip.compress(PLAIN),
}


@pytest.mark.parametrize("told", [True, False])
def test_a_zstd_frame_opens_whether_or_not_it_tells_its_size(told: bool) -> None:
    assert inflate.plain(_frame(PLAIN, told=told), "zstd") == PLAIN


def test_gzip_opens() -> None:
    assert inflate.plain(gzip.compress(PLAIN), "gzip") == PLAIN


def test_what_is_not_compressed_is_taken_as_it_is() -> None:
    assert inflate.plain(PLAIN, "") == PLAIN


@pytest.mark.parametrize("told", [True, False])
def test_a_zstd_frame_of_the_limit_opens_and_one_byte_more_does_not(told: bool) -> None:
    assert len(inflate.plain(_frame(bytes(KIB), told=told), "zstd", KIB)) == KIB
    with pytest.raises(inflate.TooLarge):
        inflate.plain(_frame(bytes(KIB + 1), told=told), "zstd", KIB)


def test_gzip_of_the_limit_opens_and_one_byte_more_does_not() -> None:
    assert len(inflate.plain(gzip.compress(bytes(KIB)), "gzip", KIB)) == KIB
    with pytest.raises(inflate.TooLarge):
        inflate.plain(gzip.compress(bytes(KIB + 1)), "gzip", KIB)


def test_what_is_not_compressed_has_the_same_limit() -> None:
    assert len(inflate.plain(bytes(KIB), "", KIB)) == KIB
    with pytest.raises(inflate.TooLarge):
        inflate.plain(bytes(KIB + 1), "", KIB)


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_more_behind_the_end_is_refused(coding: str) -> None:
    body = _frame(PLAIN, told=True) if coding == "zstd" else gzip.compress(PLAIN)
    for more in (body, b"x"):
        with pytest.raises(wire.Unreadable):
            inflate.plain(body + more, coding)


def test_more_behind_an_untold_end_is_refused() -> None:
    body = _frame(PLAIN, told=False)
    for more in (body, b"x"):
        with pytest.raises(wire.Unreadable):
            inflate.plain(body + more, "zstd")


@pytest.mark.parametrize("coding", ["zstd", "untold", "gzip"])
def test_every_cut_is_refused(coding: str) -> None:
    body = BODIES[coding]
    for end in range(len(body)):
        with pytest.raises(wire.Unreadable):
            inflate.plain(body[:end], "gzip" if coding == "gzip" else "zstd")


def test_a_frame_that_lies_about_its_size_is_refused() -> None:
    body = bytearray(_frame(bytes(200 * KIB), told=True))
    # RFC 8878, 3.1.1.1: with a single segment the size stands behind magic and descriptor.
    assert zstandard.frame_content_size(bytes(body)) == 200 * KIB
    body[5:9] = (100).to_bytes(4, "little")
    assert zstandard.frame_content_size(bytes(body)) == 100
    with pytest.raises(wire.Unreadable):
        inflate.plain(bytes(body), "zstd")


def test_a_window_of_more_than_eight_mebibytes_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    body = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    sent = body.compress(PLAIN) + body.flush()
    with pytest.raises(wire.Unreadable):
        inflate.plain(sent, "zstd")


@pytest.mark.parametrize(
    ("body", "coding", "told"),
    [
        (BODIES["zstd"], "zstd", 6000),
        (BODIES["untold"], "zstd", None),
        (BODIES["gzip"], "gzip", None),
        (PLAIN, "", 6000),
        (b"no frame", "zstd", 0),
    ],
)
def test_what_a_body_says_it_will_be(body: bytes, coding: str, told: int | None) -> None:
    assert inflate.told_bytes(body, coding) == told


@functools.cache
def _bombs() -> dict[str, tuple[str, bytes]]:
    zeros = bytes(1 << 20)
    deflate = zlib.compressobj(9, wbits=31)
    bomb = b"".join(deflate.compress(zeros) for _ in range(200)) + deflate.flush()
    stream = zstandard.ZstdCompressor().compressobj()
    untold = b"".join(stream.compress(zeros) for _ in range(200)) + stream.flush()
    return {
        "gzip": ("gzip", bomb),
        "zstd": ("zstd", zstandard.compress(bytes(200 << 20), 1)),
        "untold": ("zstd", untold),
    }


@pytest.mark.parametrize("name", ["gzip", "zstd", "untold"])
def test_a_bomb_of_200_mebibytes_takes_little_memory(name: str) -> None:
    coding, body = _bombs()[name]
    tracemalloc.start()
    try:
        with pytest.raises(inflate.TooLarge):
            inflate.plain(body, coding)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 16 << 20


@given(st.binary(max_size=300), st.sampled_from(["zstd", "gzip"]))
def test_any_other_bytes_are_refused_and_nothing_worse(body: bytes, coding: str) -> None:
    with pytest.raises((wire.Unreadable, inflate.TooLarge)):
        inflate.plain(body, coding)
