"""The one table of routes: who may, what is asked, what is answered; the description is made of it.

To add one: a handler, an entry here, and a row in the matrix of tests/ingest/test_routes.py.
"""

from typing import NamedTuple

from ingest import enrol, health, mine, receive
from ingest.front import DEVICE, ENROLMENT, Handler
from ingest.openapi import Parameter, Shape
from ingest.tokens import ROLES

_BATCH = (
    Parameter("Content-Encoding", "header", "zstd or gzip"),
    Parameter("Idempotency-Key", "header", "the id of the batch, as in its body", required=True),
    Parameter("X-Ptywrap-Sent-At", "header", "ns since 1970 when it was sent", kind="integer"),
)
_SCOPE = (
    Parameter("since", "query", "ns since 1970: what began then or later", kind="integer"),
    Parameter("repo", "query", "what is of this repository"),
)
_RECEIPT = Shape(
    {"batch": "string", "rows": "integer", "rejected": "integer", "repeated": "boolean"}
)
_ENROLLED = Shape(
    {
        "token": "string",
        "tenant": "string",
        "tenant_key": "string",
        "person": "string",
        "team": "string",
        "notice": "string",
    }
)


class Route(NamedTuple):
    """One route; without roles it is open, and says so here and nowhere else.

    `cookie`: a browser that was signed in may too. `answers` maps a status to what it carries:
    a shape of JSON or the name of a media type. `sized`: the handler itself takes from the limits.
    """

    method: str
    path: str
    handler: Handler
    roles: tuple[str, ...]
    says: str
    answers: dict[int, Shape | str]
    body: Shape | str = ""
    parameters: tuple[Parameter, ...] = ()
    cookie: bool = False
    long: bool = False
    sized: bool = False


_OK = Shape({"ok": "boolean"})
ROUTES = (
    Route(
        *("POST", "/v1/batches", receive.batches, (DEVICE,), "Take one batch in."),
        answers={200: _RECEIPT},
        body="application/msgpack",
        parameters=_BATCH,
        sized=True,
    ),
    Route(
        *("POST", "/v1/enrol", enrol.enrol, (ENROLMENT, DEVICE), "Give a device its token."),
        answers={200: _ENROLLED},
        body=Shape({"device": "device"}),
    ),
    Route(
        *("POST", "/v1/rotate", enrol.rotate, ROLES, "Give a new token for the old one."),
        answers={200: Shape({"token": "string"})},
    ),
    Route(
        *("POST", "/v1/leave", enrol.leave, (DEVICE,), "Revoke the token."),
        answers={200: Shape({"left": "boolean"})},
    ),
    Route(
        *("GET", "/v1/me/export", mine.export, (DEVICE,), "Give all that is kept about the owner."),
        answers={200: "application/zip"},
        long=True,
    ),
    Route(
        *("DELETE", "/v1/me", mine.erase, (DEVICE,), "Have the owner's rows erased."),
        answers={202: Shape({"erase": "string", "since": "integer?", "repo": "string?"})},
        parameters=_SCOPE,
    ),
    Route(
        *("POST", "/v1/me/link", mine.link, (DEVICE,), "Give a link that signs a browser in."),
        answers={200: Shape({"url": "string"})},
    ),
    Route(
        *("GET", "/link/{secret}", mine.signed_in, (), "Turn a link into a cookie."),
        answers={303: ""},
        parameters=(Parameter("secret", "path", "what the link was given", required=True),),
    ),
    Route(
        *("GET", "/", mine.page, (DEVICE,), "Show one's own commands."),
        answers={200: "text/html"},
        cookie=True,
    ),
    Route(
        *("GET", "/static/style.css", mine.style, (), "Give the style of the pages."),
        answers={200: "text/css"},
    ),
    Route(
        *("GET", "/healthz", health.healthz, (), "Say that the front answers."),
        answers={200: _OK},
    ),
    Route(
        *("GET", "/readyz", health.readyz, (), "Say whether batches are taken in."),
        answers={200: _OK},
    ),
    Route(
        *("GET", "/metrics", health.metrics, (), "Give what is counted, for Prometheus."),
        answers={200: "text/plain"},
    ),
)
