"""Every route and every role: what is open is open on purpose, and the description says it all."""

import json
from typing import Any

import pytest

from ingest import app
from ingest.tokens import ROLES
from tests.ingest.service import Service

NOBODY, DEVICE, EVERYBODY = "", "device", "nobody device ci viewer admin"
# Who gets further than 401 and 403. `nobody` brings no token at all.
MATRIX = {
    ("POST", "/v1/batches"): DEVICE,
    ("POST", "/v1/enrol"): DEVICE,
    ("POST", "/v1/rotate"): "device ci viewer admin",
    ("POST", "/v1/leave"): DEVICE,
    ("GET", "/v1/me/export"): DEVICE,
    ("DELETE", "/v1/me"): DEVICE,
    ("POST", "/v1/me/link"): DEVICE,
    # Only a link's own secret opens it.
    ("GET", "/link/{secret}"): NOBODY,
    ("GET", "/"): DEVICE,
    ("GET", "/static/style.css"): EVERYBODY,
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
    ("GET", "/openapi.json"): EVERYBODY,
}
BODY = json.dumps({"device": "d" * 32}).encode()


@pytest.fixture(scope="module")
def described(running: Service) -> dict[str, Any]:
    """Return the description that the service gives."""
    found: dict[str, Any] = running.asks("GET", "/openapi.json").json
    return found


def test_the_matrix_names_every_route() -> None:
    assert MATRIX.keys() == {(route.method, route.path) for route in app.routes()}


@pytest.mark.parametrize("role", ["nobody", *ROLES])
def test_who_may_not_is_refused_and_who_may_is_not(running: Service, role: str) -> None:
    # Leaving and rotating use tokens up: each request has one of its own.
    made = iter([running.token("--role", role) for _ in MATRIX]) if role != "nobody" else None
    let = set()
    for method, path in MATRIX:
        token = next(made) if made is not None else ""
        body = BODY if method == "POST" else b""
        if running.asks(method, path.format(secret="x"), token, body).status not in (401, 403):
            let.add((method, path))
    # A device that is bound to no machine may enrol, and sends no batch before.
    expected = {route for route, roles in MATRIX.items() if role in roles.split()}
    assert let == expected - {("POST", "/v1/batches")}


@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/me", "/static/../app.py", "/link/"])
def test_what_is_no_route_is_not_there(running: Service, path: str) -> None:
    answer = running.asks("GET", path)
    assert (answer.status in (404, 405), list(answer.json)) == (True, ["error"])


def test_a_wrong_method_is_told_which_is_right(running: Service) -> None:
    answer = running.asks("GET", "/v1/batches")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


def test_the_description_has_every_route_and_no_other(described: dict[str, Any]) -> None:
    found = {
        (method.upper(), path) for path, methods in described["paths"].items() for method in methods
    }
    assert (found, described["openapi"]) == (set(MATRIX), "3.1.0")


def test_the_description_says_which_routes_are_open(described: dict[str, Any]) -> None:
    for (method, path), roles in MATRIX.items():
        security = described["paths"][path][method.lower()]["security"]
        assert (security == []) == (roles in (EVERYBODY, NOBODY)), path


def test_every_answer_of_the_description_says_what_it_carries(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                assert answer["description"], (path, status)
                assert status == "303" or answer["content"], (path, status)


def test_what_must_be_told_in_the_path_is_described(described: dict[str, Any]) -> None:
    (told,) = described["paths"]["/link/{secret}"]["get"]["parameters"]
    assert (told["in"], told["required"]) == ("path", True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/enrol", 200),
        ("POST", "/v1/me/link", 200),
        ("DELETE", "/v1/me", 202),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("POST", "/v1/rotate", 200),
        ("POST", "/v1/leave", 200),
    ],
)
def test_an_answer_has_what_its_description_says(
    running: Service, described: dict[str, Any], method: str, path: str, status: int
) -> None:
    answer = running.asks(method, path, running.token(), BODY if method == "POST" else b"")
    said = described["paths"][path][method.lower()]["responses"][str(status)]
    schema = said["content"]["application/json"]["schema"]
    assert (answer.status, sorted(answer.json)) == (status, schema["required"])


def test_a_refusal_has_what_its_description_says(described: dict[str, Any]) -> None:
    refusal = described["components"]["schemas"]["Refusal"]
    assert refusal["required"] == ["error"]


def test_metrics_are_prometheus_text(running: Service) -> None:
    answer = running.asks("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for line in answer.body.decode().splitlines():
        assert line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0


def test_health_needs_no_store(running: Service) -> None:
    assert running.asks("GET", "/healthz").json == {"ok": True}


def test_errors_of_the_protocol_are_no_500(running: Service) -> None:
    for sent in (
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: ptywrap=\xff; a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    ):
        with running.connects() as connection:
            connection.sendall(sent)
            connection.settimeout(3)
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.0 4"), sent
