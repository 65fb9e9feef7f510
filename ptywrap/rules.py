"""The rules of words as one value: what `rules.toml` knows about tools, wrappers and secrets."""

import re
import tomllib
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

Wait = Literal["yes", "no", "serve", "auto"]
Words = frozenset[str]

CATEGORIES = ("test", "build", "install", "lint", "run")
"""Categories of free names in the order in which they win when a command has two targets."""

_NONE: Words = frozenset()
_VERSION = re.compile(r"[-.]?\d[\d.]*$")
_EXECUTABLE = (".exe", ".cmd", ".bat")


class Wrapper(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that runs another one; its fields are explained on top of `rules.toml`."""

    valflags: Words = _NONE
    sub: Words = _NONE
    sep: Words = _NONE
    split: Words = _NONE
    module: Words = _NONE
    pos: int = 0
    env: bool = False
    keepself: bool = False
    scripts: bool = False
    wait: Wait | None = None


class Tool(Struct, frozen=True, forbid_unknown_fields=True):
    """A program we know; its fields are explained on top of `rules.toml`."""

    cat: str = "other"
    wait: Wait = "yes"
    alias: str | None = None
    sub: int = 0
    sub2: Words = _NONE
    words: Words = _NONE
    through: dict[str, int] = {}
    keep: Literal["script", "lastword"] | None = None
    keepflags: Words = _NONE
    keepvalues: Words = _NONE
    valflags: Words = _NONE
    watchflags: Words = _NONE
    detachflags: Words = _NONE
    target: bool = False
    targetsubs: Words = _NONE
    narrowflags: Words = _NONE
    net: bool = False
    netsubs: Words = _NONE
    over: dict[str, str] = {}
    wover: dict[str, Wait] = {}
    interp: bool = False
    moduleflag: str | None = None
    codeflags: Words = _NONE
    scriptsub: Words = _NONE
    implicit: bool = False
    editor: Words = _NONE
    benign: frozenset[int] = frozenset()
    benign_subs: Words = _NONE
    serial: bool = False
    daemon: bool = False


class Secrets(Struct, frozen=True, forbid_unknown_fields=True):
    """Where secrets stand in a line; its fields are explained in `rules.toml`."""

    prefixes: dict[str, int]
    webhooks: list[str]
    terms: Words
    keys: Words
    openkeys: Words
    harmless: Words
    query: Words
    attached: dict[str, list[str]]
    options: dict[str, list[str]]
    userpass: dict[str, list[str]]
    positional: dict[str, int]
    after: dict[str, list[str]]
    last: dict[str, str]
    assignments: Words
    readers: list[str]
    filters: Words
    carriers: Words


class Outward(Struct, frozen=True, forbid_unknown_fields=True):
    """What may leave beside tools and their words; its fields are explained in `rules.toml`."""

    domains: Words
    sensors: Words
    losses: Words
    programs: Words
    labels: Words
    sockets: Words
    processors: Words
    machines: Words
    systems: Words
    file_systems: Words
    power: Words
    caches: Words
    git_settings: Words


class _Shell(Struct, frozen=True, forbid_unknown_fields=True):
    builtins: Words
    keywords: Words
    skipped: Words


class _Names(Struct, frozen=True, forbid_unknown_fields=True):
    names: list[str]


class _Programs(Struct, frozen=True, forbid_unknown_fields=True):
    programs: Words


class _Actors(Struct, frozen=True, forbid_unknown_fields=True):
    agents: Words
    ci_variables: list[str]


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    wrappers: dict[str, Wrapper]
    scripts: dict[str, list[str]]
    serving: _Names
    common: _Names
    compilers: _Programs
    actors: _Actors
    lockfiles: _Names
    shell: _Shell
    outward: Outward
    secrets: Secrets
    tools: dict[str, Tool]


class Rules(NamedTuple):
    """Everything `templates`, `shapes` and `redaction` know; `tools` holds aliases resolved."""

    version: int
    wrappers: dict[str, Wrapper]
    tools: dict[str, tuple[str, Tool]]
    scripts: tuple[tuple[str, re.Pattern[str]], ...]
    serving: re.Pattern[str]
    common: Words
    compilers: Words
    agents: Words
    ci_variables: tuple[str, ...]
    lockfiles: Words
    builtins: Words
    keywords: Words
    skipped: Words
    outward: Outward
    secrets: Secrets
    tokens: re.Pattern[str]
    webhooks: re.Pattern[str]
    named: re.Pattern[str]
    heads: Words
    readers: dict[str, tuple[Words, ...]]
    reader_flags: Words
    own: tuple[tuple[tuple[str, ...], str], ...] = ()
    """The user's own: the first words of a command, and its template."""

    def known(self, name: str) -> tuple[str, Tool] | None:
        """Return a program's own name and facts; a version suffix (`python3.12`) is forgiven."""
        found = self.tools.get(name)
        if found is None and name[-1:].isdigit():
            found = self.tools.get(_VERSION.sub("", name))
        return found


def load(text: str) -> Rules:
    """Return the rules written in TOML; a mistake in it is a msgspec or tomllib error."""
    document = msgspec.convert(tomllib.loads(text), _Document)
    tools = {
        name: (tool.alias, document.tools[tool.alias]) if tool.alias else (name, tool)
        for name, tool in document.tools.items()
    }
    return Rules(
        version=document.version,
        wrappers=document.wrappers,
        tools=tools,
        scripts=tuple((category, _any_of(globs)) for category, globs in document.scripts.items()),
        serving=_any_of(document.serving.names),
        common=frozenset(document.common.names),
        compilers=document.compilers.programs,
        agents=document.actors.agents,
        ci_variables=tuple(document.actors.ci_variables),
        lockfiles=frozenset(document.lockfiles.names),
        builtins=document.shell.builtins,
        keywords=document.shell.keywords,
        skipped=document.shell.skipped,
        outward=document.outward,
        secrets=document.secrets,
        tokens=_tokens(document.secrets),
        webhooks=re.compile(
            "(?:" + "|".join(map(re.escape, document.secrets.webhooks)) + r""")([^\s'"<>?#]++)"""
        ),
        named=re.compile("|".join([*sorted(document.secrets.terms), "key"]), re.IGNORECASE),
        heads=_heads(document.secrets),
        readers=_readers(document.secrets.readers),
        reader_flags=frozenset(one for one in document.secrets.readers if one[0] == "-"),
    )


def base_name(word: str) -> str:
    """Return a program's name: the last part of its path, no `.exe`, no `@version`."""
    if "/" in word or "\\" in word:
        word = word.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    if word.endswith(_EXECUTABLE):
        word = word[:-4]
    return word.partition("@")[0] or word


def _tokens(secrets: Secrets) -> re.Pattern[str]:
    """Return the expression of tokens that begin with a vendor's prefix."""
    tokens = (
        f"{re.escape(prefix)}[A-Za-z0-9_.-]{{{least},}}+"
        for prefix, least in secrets.prefixes.items()
    )
    return re.compile(f"(?<![A-Za-z0-9_])(?:{'|'.join(tokens)})")


def _heads(secrets: Secrets) -> Words:
    """Return the programs that take secrets as options, words or text."""
    tables = (
        secrets.attached,
        secrets.options,
        secrets.userpass,
        secrets.positional,
        secrets.after,
        secrets.last,
        secrets.assignments,
    )
    return frozenset(key.split(" ")[0] for table in tables for key in table)


def _readers(entries: list[str]) -> dict[str, tuple[Words, ...]]:
    """Return, for each program that reads a secret from stdin, the words it does so with."""
    found: dict[str, tuple[Words, ...]] = {}
    for entry in entries:
        program, *words = entry.split(" ")
        found[program] = (*found.get(program, ()), frozenset(words))
    return found


def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for lower-cased globs, in which `*` is the only magic."""
    return re.compile("|".join(re.escape(glob).replace(r"\*", ".*") for glob in globs))
