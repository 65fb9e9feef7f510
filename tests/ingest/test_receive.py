"""Batches over HTTP: who may, what is refused and how, and that once is once."""

import gzip
import http.client
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard

from ptywrap import wire
from tests import build
from tests.ingest import service
from tests.ingest.service import Sent, Service, batch, command

OTHER = "e" * 32


@pytest.fixture(scope="module")
def token(running: Service) -> str:
    """Return the token of an enrolled device."""
    return running.device()


def test_a_batch_is_taken_in_and_counted(running: Service, token: str) -> None:
    sent = batch(1, command(1), command(2), build.a_process(argv=None, exe=None, cwd=None))
    assert running.post(token, sent).json == {
        "batch": sent.id,
        "rows": 3,
        "rejected": 0,
        "repeated": False,
    }
    assert running.journalled()[-1] == ("batch", sent.id)


def test_the_same_batch_again_is_answered_and_not_taken_in(running: Service, token: str) -> None:
    sent = batch(2)
    first, second = running.post(token, sent), running.post(token, sent)
    assert (first.json["repeated"], second.json["repeated"]) == (False, True)
    assert second.json["rows"] == first.json["rows"]
    assert running.journalled().count(("batch", sent.id)) == 1


def test_the_same_batch_at_once_is_taken_in_once(running: Service, token: str) -> None:
    sent = batch(3)
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: running.post(token, sent), range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert running.journalled().count(("batch", sent.id)) == 1


def test_other_bytes_under_the_same_id_are_refused(running: Service, token: str) -> None:
    sent = batch(4)
    running.post(token, sent)
    other = Sent(sent.id, batch(4, command(40)).body)
    answer = running.post(token, other)
    assert (answer.status, answer.json) == (
        400,
        {"error": "batch: this id was taken in with other bytes"},
    )


def test_gzip_is_taken_too(running: Service, token: str) -> None:
    sent = batch(5)
    plain = gzip.compress(zstandard.decompress(sent.body))
    answer = running.post(token, Sent(sent.id, plain), Content_Encoding="gzip")
    assert (answer.status, answer.json["rows"]) == (200, 1)


def test_a_bad_row_is_refused_alone(running: Service, token: str) -> None:
    ancient = command(60, started_at=time.time_ns() - 500 * 86_400 * 10**9)
    answer = running.post(token, batch(6, command(6), ancient))
    assert (answer.status, answer.json["rows"], answer.json["rejected"]) == (200, 1, 1)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "application/json"}, 415),
        ({"Content_Encoding": "br"}, 415),
        ({"Idempotency_Key": "another"}, 400),
        ({"Idempotency_Key": ""}, 400),
        ({"X_Ptywrap_Sent_At": "yesterday"}, 400),
        ({"X_Ptywrap_Sent_At": "-5"}, 400),
        ({"X_Ptywrap_Sent_At": "9" * 30}, 400),
        ({"Content_Encoding": "gzip"}, 400),
        ({"Content_Encoding": ""}, 400),
    ],
)
def test_a_wrong_head_is_refused_by_name(
    running: Service, token: str, headers: dict[str, str], status: int
) -> None:
    answer = running.post(token, batch(7), **headers)
    assert (answer.status, list(answer.json)) == (status, ["error"])


def test_a_batch_of_another_device_is_refused(running: Service, token: str) -> None:
    answer = running.post(token, batch(8, device=OTHER))
    assert (answer.status, answer.json["error"]) == (
        400,
        "device: not the one the token belongs to",
    )


def test_the_tenant_is_the_tokens_whatever_a_body_says(running: Service, token: str) -> None:
    sent = batch(9)
    plain = zstandard.decompress(sent.body)
    forged = plain.replace(b"\x87\xa1v", b"\x88\xa6tenant\xa5other\xa1v", 1)
    assert forged != plain
    answer = running.post(token, Sent(sent.id, zstandard.compress(forged)))
    assert answer.status in (200, 400)
    tenants = {entry.tenant for _, entry in service.entries(running)}
    assert len(tenants) == 1


def test_a_body_without_a_length_is_refused(running: Service, token: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/msgpack",
        "Content-Encoding": "zstd",
        "Idempotency-Key": "x",
    }
    connection.request("POST", "/v1/batches", iter([b"abc"]), headers, encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_body_over_a_mebibyte_is_refused_by_its_head(running: Service, token: str) -> None:
    with running.connects() as connection:
        head = (
            "POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/msgpack\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: x\r\n"
            "Content-Length: 1048577\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_a_bomb_is_too_large(running: Service, token: str, coding: str) -> None:
    zeros = bytes(200 << 20)
    body = zstandard.compress(zeros, 1) if coding == "zstd" else gzip.compress(zeros, 1)
    answer = running.post(token, Sent(batch(10).id, body), Content_Encoding=coding)
    assert answer.status == 413


def test_a_large_batch_is_looked_at_beside_the_loop(running: Service, token: str) -> None:
    # Ids that nothing compresses, so that its body is over 64 KiB.
    chance = random.Random(7)  # noqa: S311 - numbers that do not compress
    facts = [
        command(number, wall_ns=chance.getrandbits(40), cpu_user_ns=chance.getrandbits(40))
        for number in range(4000)
    ]
    sent = batch(11, *facts)
    assert len(sent.body) > 64 << 10
    answer = running.post(token, sent)
    assert (answer.status, answer.json["rows"]) == (200, len(facts))


def test_without_a_token_nothing_is_taken(running: Service) -> None:
    answer = running.post("", batch(12))
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_of_no_device_takes_nothing(running: Service) -> None:
    answer = running.post(running.token(), batch(13))
    assert (answer.status, "enrol first" in answer.json["error"]) == (403, True)


def test_requests_follow_each_other_on_one_connection(running: Service, token: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    for number in range(20, 25):
        sent = batch(number)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/msgpack",
            "Content-Encoding": "zstd",
            "Idempotency-Key": sent.id,
        }
        connection.request("POST", "/v1/batches", sent.body, headers)
        answer = connection.getresponse()
        assert json.loads(answer.read())["batch"] == sent.id
    connection.close()


def test_a_device_that_floods_is_told_when_to_come_again_and_others_are_not() -> None:
    made = Service(settings="requests_per_second = 3\n").start()
    try:
        flood, other = made.device(), made.device(OTHER)
        with ThreadPoolExecutor(20) as many:
            began = time.monotonic()
            waiting = [many.submit(made.post, flood, batch(number)) for number in range(20)]
            assert made.post(other, batch(99, device=OTHER)).status == 200
            assert time.monotonic() - began < 0.9
            answers = [one.result() for one in waiting]
        refused = [answer for answer in answers if answer.status == 429]
        assert 12 <= len(refused) <= 14
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
        # They were held for as long as they are told to wait.
        assert time.monotonic() - began >= 1
    finally:
        made.close()


def test_the_log_has_one_line_a_request_and_no_secret(running: Service, token: str) -> None:
    sent = batch(14)
    before = running.log().count("POST /v1/batches")
    running.post(token, sent)
    log = running.log()
    assert log.count("POST /v1/batches") == before + 1
    assert (token in log, sent.id in log) == (False, False)


def test_an_unknown_table_is_taken_as_a_loss(running: Service, token: str) -> None:
    sent = batch(15)
    plain = zstandard.decompress(sent.body)
    newer = plain.replace(b"\xa8commands", b"\xa8novelty1", 1)
    assert newer != plain
    assert wire.unpack(newer).tables.keys() != wire.unpack(plain).tables.keys()
    answer = running.post(token, Sent(sent.id, zstandard.compress(newer)))
    assert answer.status == 200
