"""Names of scripts and targets that a repository's own manifests declare: read as text, never run.

`PARSERS` says which files are manifests; a new kind is one function and one line there. A parser
never raises: a file it cannot read declares nothing. Files that a manifest mentions as scripts
(`node server.js`) count as declared too.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

LIMIT = 1 << 20
"""Characters of a manifest that are read; a longer one declares nothing."""

_NAME = re.compile(r"[A-Za-z][\w.:+-]{0,63}")
_SCRIPT_FILE = re.compile(
    r"(?<![\w.+-])[A-Za-z][\w.+-]{0,60}+(?<=\.sh|\.py|\.rb|\.pl|\.js|\.ts)"
    r"|(?<![\w.+-])[A-Za-z][\w.+-]{0,60}+(?<=\.mjs|\.cjs|\.php|\.zsh)"
)
_RULE = re.compile(r"^([A-Za-z][^:=#$\n]{0,400}?) ?::?(?!:?=)", re.MULTILINE)
_PHONY = re.compile(r"^\.PHONY ?:([^\n#]{0,4000})", re.MULTILINE)
_RECIPE = re.compile(
    r"^@?([A-Za-z_][\w-]{0,63})(?: +[^\n:]{0,200})?:(?!=)|^alias +([A-Za-z_][\w-]{0,63}) *:=",
    re.MULTILINE,
)
_RAKE = re.compile(r"^ *(?:task|file|multitask)[ (]+[:'\"]?([A-Za-z][\w:]{0,63})", re.MULTILINE)
_SESSION = re.compile(r"^@nox\.session[^\n]{0,200}\n+(?:@[^\n]{0,200}\n+)*def +(\w{1,64})", re.M)
_TASKS = re.compile(r"^tasks:[^\S\n]*\n((?:[ \t][^\n]*\n|\s*\n)*)", re.MULTILINE)
_TASK = re.compile(r"^(?:  |\t)['\"]?([A-Za-z][\w:.-]{0,63})['\"]?:", re.MULTILINE)
_TESTENV = re.compile(r"^\[testenv:([^\]\n]{1,200})\]")
_ENVLIST = re.compile(r"env_?list\s{0,8}=")
_SEPARATOR = re.compile(r"[\s,]+(?![^{}]{0,200}\})")
_BRACES = re.compile(r"\{([^{}\n]{0,200})\}")
_MOST_EXPANDED = 256

_PYPROJECT = (
    "project.scripts",
    "project.gui-scripts",
    "tool.poetry.scripts",
    "tool.pdm.scripts",
    "tool.rye.scripts",
    "tool.poe.tasks",
    "tool.taskipy.tasks",
    "tool.pixi.tasks",
    "tool.hatch.scripts",
    "tool.tox.env",
)


def names(file_name: str, text: str) -> frozenset[str]:
    """Return the names that a manifest declares, by the file's name (`Makefile`, or a path)."""
    parse = PARSERS.get(file_name) or PARSERS.get(file_name.rpartition("/")[2])
    if parse is None or len(text) > LIMIT:
        return frozenset()
    found = {name for name in parse(text) if _NAME.fullmatch(name)}
    return frozenset(found.union(_SCRIPT_FILE.findall(text)))


def _makefile(text: str) -> Iterable[str]:
    for rule in (*_RULE.findall(text), *_PHONY.findall(text)):
        yield from rule.split()


def _justfile(text: str) -> Iterable[str]:
    for recipe, alias in _RECIPE.findall(text):
        yield recipe or alias


def _rakefile(text: str) -> Iterable[str]:
    return _RAKE.findall(text)


def _noxfile(text: str) -> Iterable[str]:
    return _SESSION.findall(text)


def _taskfile(text: str) -> Iterable[str]:
    for tasks in _TASKS.findall(text):
        yield from _TASK.findall(tasks)


def _tox_ini(text: str) -> Iterable[str]:
    listing = False
    for line in text.splitlines():
        start = _ENVLIST.match(line)
        listing = start is not None or (listing and line[:1].isspace())
        listed = _TESTENV.findall(line)
        if listing:
            listed.append(line[start.end() :] if start else line)
        for name in _SEPARATOR.split(" ".join(listed)):
            yield from _expanded(name)


def _expanded(name: str) -> list[str]:
    """Return `py311-a` and `py312-a` for `py{311,312}-a`."""
    waiting = [name]
    found: list[str] = []
    while waiting and len(found) + len(waiting) <= _MOST_EXPANDED:
        one = waiting.pop()
        braces = _BRACES.search(one)
        if braces is None:
            found.append(one)
            continue
        waiting += [
            one[: braces.start()] + choice.strip() + one[braces.end() :]
            for choice in braces.group(1).split(",")
        ]
    return found


def _package_json(text: str) -> Iterable[str]:
    return _keys(_json(text), "scripts")


def _deno_json(text: str) -> Iterable[str]:
    return _keys(_json(text), "tasks")


def _composer_json(text: str) -> Iterable[str]:
    return _keys(_json(text), "scripts")


def _turbo_json(text: str) -> Iterable[str]:
    document = _json(text)
    return [*_keys(document, "tasks"), *_keys(document, "pipeline")]


def _project_json(text: str) -> Iterable[str]:
    return _keys(_json(text), "targets")


def _devbox_json(text: str) -> Iterable[str]:
    return _keys(_json(text), "shell.scripts")


def _pyproject(text: str) -> Iterable[str]:
    document = _toml(text)
    for path in _PYPROJECT:
        yield from _keys(document, path)
    for environment in _table(document, "tool.hatch.envs").values():
        yield from _keys(environment, "scripts")
    for name in _table(document, "tool.pixi.feature").values():
        yield from _keys(name, "tasks")
    legacy = _table(document, "tool.tox").get("legacy_tox_ini")
    if isinstance(legacy, str):
        yield from _tox_ini(legacy)


def _tox_toml(text: str) -> Iterable[str]:
    return _keys(_toml(text), "env")


def _pixi_toml(text: str) -> Iterable[str]:
    return _keys(_toml(text), "tasks")


def _mise_toml(text: str) -> Iterable[str]:
    return _keys(_toml(text), "tasks")


def _cargo_config(text: str) -> Iterable[str]:
    return _keys(_toml(text), "alias")


def _cargo_toml(text: str) -> Iterable[str]:
    document = _toml(text)
    for kind in ("bin", "example", "bench", "test"):
        entries = document.get(kind)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield entry["name"]


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _table(document: Any, path: str) -> dict[str, Any]:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _keys(document: Any, path: str) -> list[str]:
    return list(_table(document, path))


PARSERS: dict[str, Callable[[str], Iterable[str]]] = {
    "Makefile": _makefile,
    "makefile": _makefile,
    "GNUmakefile": _makefile,
    "package.json": _package_json,
    "justfile": _justfile,
    "Justfile": _justfile,
    ".justfile": _justfile,
    "pyproject.toml": _pyproject,
    "tox.ini": _tox_ini,
    "tox.toml": _tox_toml,
    ".cargo/config.toml": _cargo_config,
    ".cargo/config": _cargo_config,
    "Cargo.toml": _cargo_toml,
    "Rakefile": _rakefile,
    "noxfile.py": _noxfile,
    "Taskfile.yml": _taskfile,
    "Taskfile.yaml": _taskfile,
    "deno.json": _deno_json,
    "composer.json": _composer_json,
    "turbo.json": _turbo_json,
    "project.json": _project_json,
    "devbox.json": _devbox_json,
    "pixi.toml": _pixi_toml,
    "mise.toml": _mise_toml,
    ".mise.toml": _mise_toml,
}
"""The manifests, by their path below the repository's root or the folder of a command."""
