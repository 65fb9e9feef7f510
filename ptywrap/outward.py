"""Single values on their way to a server: each is on a list that ships, or it is `…` or unknown.

Names and words are told where they are listed, versions and models where they look like nothing
else, remote hosts by their registrable domain (trust.md 3.1). None of it is a pattern of secrets:
what nobody listed has no way in.
"""

import re
from collections.abc import Iterable

from ptywrap.admission import HIDDEN
from ptywrap.rules import Rules, Words

CATEGORIES = frozenset(
    (
        *("test", "build", "install", "lint", "vcs", "run", "container", "infra"),
        *("db", "net", "interactive", "ai", "fs", "shell", "wait", "other"),
    )
)
ACTORS = frozenset(("human", "agent", "ci", "script"))
COMPLETENESS = frozenset(("exact", "raced", "sampled"))
CONFIDENCE = frozenset(("exact", "likely", "none"))
PROTOCOLS = frozenset(("tcp", "udp", "quic", "tls", "http", "https", "ssh", "dns", "git"))
HOST_SOURCES = frozenset(("dns", "tls", "quic", "sni", "hosts", "cache", "literal", "reverse"))
CLASSES = frozenset(("cpu", "runqueue", "disk", "network", "input", "lock", "other"))
TRUNKS = frozenset(("main", "master", "develop", "trunk"))

_VERSION = re.compile(
    r"(?:v|go)?[0-9]{1,4}(?:\.[0-9]{1,6}){0,5}"
    r"(?:[-.+]?(?:alpha|beta|rc|dev|post|pre|nightly|stable|release|final|lts|ga|p|a|b)"
    r"[-.]?[0-9]{0,4})?"
)
_RELEASE = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,6}){1,3}(?:-[0-9]{1,4}(?![0-9A-Za-z]))?")
_BUILD = re.compile(r"[0-9]{2}[A-Z][0-9]{1,5}[a-z]?")  # macOS: 23B81
_MODEL = re.compile(
    r"[A-Za-z]{0,2}[0-9]{1,5}[A-Za-z]{0,3}[0-9]?(?:-[0-9]{1,5}[A-Za-z]{0,3}[0-9]?)?"
)
_CORES = re.compile(r"[0-9]{1,3}-Core")
_SPEED = re.compile(r"@|[0-9]\.[0-9]{1,2}GHz")
_BOOT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SETTING = re.compile(r"true|false|auto|normal|all|no|yes|on|off|[0-9]{1,6}")
_IN = re.compile(r"in (\S+)( \(shared\))?")
_PORTS = {
    **dict.fromkeys((80, 3128, 8000, 8008, 8080, 8081), "http"),
    **dict.fromkeys((443, 8443), "https"),
    **dict.fromkeys((22, 2222), "ssh"),
    **dict.fromkeys((53, 853, 5353), "dns"),
    9418: "git",
    **dict.fromkeys((1433, 1521, 3306, 5432, 6379, 9042, 9200, 11211, 27017), "database"),
    **dict.fromkeys((25, 465, 587, 143, 993), "mail"),
    **dict.fromkeys((5672, 9092, 4222, 1883), "queue"),
}


def one_of(value: str, listed: Words) -> str:
    """Return a word of a list, anything else hidden."""
    return value if value in listed else HIDDEN


def each_of(values: Iterable[str], listed: Words) -> list[str]:
    """Return words, each one of a list or hidden."""
    return [one_of(value, listed) for value in values]


def program(name: str, rules: Rules) -> str:
    """Return the name of a listed program, without the version behind it; any other is hidden."""
    if name in rules.tools or name in rules.wrappers or name in rules.builtins:
        return name
    if name in rules.compilers or name in rules.outward.programs:
        return name
    known = rules.known(name)
    return known[0] if known is not None else HIDDEN


def label(text: str, rules: Rules) -> str:
    """Return what a piece of time is called: a word of the table, or `in` a listed name."""
    if text in rules.outward.labels:
        return text
    inside = _IN.fullmatch(text)
    if inside is None:
        return HIDDEN
    name = inside[1] if inside[1] in rules.outward.sockets else program(inside[1], rules)
    return HIDDEN if name == HIDDEN else f"in {name}{inside[2] or ''}"


def clauses(reason: str, listed: Words) -> str:
    """Return the clauses of a sentence that are listed, the others hidden."""
    return "; ".join(each_of(reason.split("; "), listed))


def remote_host(host: str, port: int | None, rules: Rules) -> str:
    """Return the listed domain that a host lies in, else `other:` and the class of its port."""
    parts = host.lower().rstrip(".").split(".")
    for at in range(len(parts) - 1):
        domain = ".".join(parts[at:])
        if domain in rules.outward.domains:
            return domain
    return f"other:{port_class(port)}"


def port_class(port: int | None) -> str:
    """Return what a port is usually for, else the range it lies in (RFC 6335, section 6)."""
    if port is None:
        return "unknown"
    if port in _PORTS:
        return _PORTS[port]
    if port < 1024:
        return "system"
    return "user" if port < 49152 else "dynamic"


def version(text: str) -> str | None:
    """Return a version that is numbers and the usual words, None for anything else."""
    return text if len(text) <= 32 and _VERSION.fullmatch(text) else None


def release(text: str) -> str | None:
    """Return the numbers a kernel's release begins with: what follows is whoever built it."""
    found = _RELEASE.match(text)
    return found[0] if found is not None else None


def build(text: str) -> str | None:
    """Return the build of an operating system where it is one, None for anything else."""
    return text if _BUILD.fullmatch(text) else version(text)


def processor(text: str, rules: Rules) -> str | None:
    """Return a processor's model, of which only listed words and model numbers are told."""
    listed = rules.outward.processors
    words = [
        word
        for word in text.split()
        if word in listed or any(one.fullmatch(word) for one in (_MODEL, _CORES, _SPEED))
    ]
    return " ".join(words) or None


def boot(text: str) -> str:
    """Return a boot's id as the kernel makes them, nothing for anything else."""
    return text if _BOOT.fullmatch(text) else ""


def git_setting(text: str, rules: Rules) -> str:
    """Return a listed setting with its value where that is a switch or a number."""
    name, equals, value = text.partition("=")
    if name.lower() not in rules.outward.git_settings:
        return HIDDEN
    if not equals:
        return name
    return f"{name}={value if _SETTING.fullmatch(value) else HIDDEN}"
