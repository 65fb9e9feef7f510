"""The description of the HTTP interface, OpenAPI 3.1, made of the table of routes."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

JSON = "application/json"
_REFUSALS = {
    400: "What is wrong with the bytes.",
    401: "No token, or one that opens nothing.",
    403: "The token may not.",
    408: "The body did not come in time.",
    411: "Content-Length is missing.",
    413: "The body is too large.",
    415: "No media type or coding of ours.",
    429: "Too many; Retry-After says when to come again.",
    503: "Not now; Retry-After says when to come again.",
}


class Parameter(NamedTuple):
    """One parameter of a route: its place is header, query or path."""

    name: str
    place: str
    says: str
    required: bool = False
    kind: str = "string"


class Shape:
    """A JSON object by its keys: string, integer, boolean, device; with `?` it may be null."""

    __slots__ = ("keys",)

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.keys = keys

    def schema(self) -> dict[str, Any]:
        """Return it as a JSON Schema."""
        return {
            "type": "object",
            "required": sorted(self.keys),
            "properties": {name: _kind(kind) for name, kind in self.keys.items()},
        }


class Described(Protocol):
    """What of a route is described."""

    @property
    def method(self) -> str:
        """GET, POST and the like."""
        ...

    @property
    def path(self) -> str:
        """The path, parameters in braces."""
        ...

    @property
    def roles(self) -> tuple[str, ...]:
        """Who may; nobody is asked where there are none."""
        ...

    @property
    def says(self) -> str:
        """What it does."""
        ...

    @property
    def answers(self) -> Mapping[int, Shape | str]:
        """What each status carries."""
        ...

    @property
    def body(self) -> Shape | str:
        """What is sent."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What is told beside the body."""
        ...

    @property
    def cookie(self) -> bool:
        """Whether a browser's cookie will do."""
        ...


def document(routes: Iterable[Described], version: str) -> dict[str, Any]:
    """Return the description of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ptywrap ingest", "version": version},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "ptywrap"},
            },
            "schemas": {"Refusal": Shape({"error": "string"}).schema()},
        },
    }


def _operation(route: Described) -> dict[str, Any]:
    said: dict[str, Any] = {"summary": route.says, "responses": _responses(route)}
    said["x-roles"] = list(route.roles)
    if route.roles:
        said["security"] = [{"token": []}, *([{"cookie": []}] if route.cookie else [])]
    else:
        said["security"] = []
    if route.parameters:
        said["parameters"] = [
            {
                "name": one.name,
                "in": one.place,
                "description": one.says,
                "required": one.required,
                "schema": {"type": one.kind} | ({"minimum": 0} if one.kind == "integer" else {}),
            }
            for one in route.parameters
        ]
    if route.body:
        said["requestBody"] = {"required": True, "content": _content(route.body)}
    return said


def _responses(route: Described) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, carried in route.answers.items():
        found[str(status)] = {"description": route.says}
        if carried:
            found[str(status)]["content"] = _content(carried)
            if carried in ("text/html", "application/zip"):
                found[str(status)]["content"][JSON] = {"schema": {"type": "object"}}
    for status, says in _REFUSALS.items():
        if _may(route, status):
            answer: dict[str, Any] = {
                "description": says,
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Refusal"}}},
            }
            if status in (429, 503):
                answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
            found[str(status)] = answer
    return found


def _may(route: Described, status: int) -> bool:
    if status in (408, 411, 413, 415):
        return bool(route.body)
    if status in (401, 429):
        return bool(route.roles)
    if status == 403:
        return bool(route.roles) or "{" in route.path
    return True


def _content(carried: Shape | str) -> dict[str, Any]:
    if isinstance(carried, Shape):
        return {JSON: {"schema": carried.schema()}}
    binary = carried in ("application/msgpack", "application/zip")
    return {carried: {"schema": {"type": "string"} | ({"format": "binary"} if binary else {})}}


def _kind(kind: str) -> dict[str, Any]:
    if kind == "device":
        return {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    return {"type": [kind[:-1], "null"] if kind.endswith("?") else kind}
