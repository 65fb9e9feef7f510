"""A directory -> its checkout: repository, branch, commit; by reading .git, never by running git.

Layout: gitrepository-layout(5), git-config(1), git-worktree(1). Nothing here raises: what cannot be
read is not known.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

_DEEP = 64
_LIMIT = 4 << 20
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SECTION = re.compile(r'\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCP = re.compile(r"(?:[^/:]*@)?(\[[^\]]*\]|[^/:\[]+):(?!//)(.*)", re.DOTALL)
_PREFERRED = ("upstream", "origin")


class Checkout(NamedTuple):
    """A work tree: `repo` is the preferred remote, or the root where there is none.

    `aliases` are all remotes, the preferred one first. `branch` None: detached, or unreadable.
    """

    root: str
    repo: str
    aliases: tuple[str, ...]
    branch: str | None
    commit: str | None


def checkout(cwd: str) -> Checkout | None:
    """Return the checkout a directory lies in, None outside of any."""
    if not cwd.startswith("/"):
        return None
    folder = Path(cwd)
    for root in [folder, *folder.parents][:_DEEP]:
        git = _git_folder(root / ".git")
        if git is not None:
            return _read(root, git)
    return None


def plain(url: str) -> str:
    """Return a remote without scheme, user, port and `.git`, its host in lower case.

    A password may hold `@` and `/`, so where there is one it ends at the last `@` of all.
    """
    scheme = _SCHEME.match(url)
    if scheme is not None:
        rest = url[scheme.end() :]
        if scheme[0].lower() == "file://":
            return rest.rstrip("/").removesuffix(".git")
        authority, _, path = rest.partition("/")
        # A colon may be a port's, or a password's whose rest looks like a path.
        if "@" in path and ("@" in authority or ":" in authority):
            authority, _, path = _past_secret(rest)
        host = _without_port(authority.rpartition("@")[2])
        return _joined(host, path)
    if url.startswith(("/", ".", "~")):
        return url.rstrip("/").removesuffix(".git")
    short = _SCP.fullmatch(url)
    return _joined(short[1], short[2]) if short else url


def _past_secret(rest: str) -> tuple[str, str, str]:
    """Split where a password holds a slash: after its `@`."""
    user, _, tail = rest.rpartition("@")
    host, slash, path = tail.partition("/")
    return f"{user}@{host}", slash, path


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _joined(host: str, path: str) -> str:
    path = path.partition("?")[0].partition("#")[0].strip("/").removesuffix(".git").rstrip("/")
    return f"{host.lower()}/{path}" if path else host.lower()


def _git_folder(path: Path) -> Path | None:
    """Return the repository behind a `.git`: itself, or where a file of that name points."""
    try:
        if path.is_dir():
            return path if (path / "HEAD").exists() else None
    except OSError:
        return None
    text = _text(path)
    if text is None or not text.startswith("gitdir:"):
        return None
    target = path.parent / text.removeprefix("gitdir:").strip()
    return target if _text(target / "HEAD") is not None else None


def _read(root: Path, git: Path) -> Checkout:
    common = _common(git)
    remotes = _remotes(_text(common / "config") or "")
    names = [name for name in _PREFERRED if name in remotes]
    names += [name for name in remotes if name not in names]
    aliases = tuple(dict.fromkeys(plain(remotes[name]) for name in names))
    branch, commit = _head(git, common)
    return Checkout(str(root), aliases[0] if aliases else str(root), aliases, branch, commit)


def _common(git: Path) -> Path:
    """Return what a linked work tree shares with its repository (commondir)."""
    text = _text(git / "commondir")
    return git / text.strip() if text else git


def _head(git: Path, common: Path) -> tuple[str | None, str | None]:
    head = (_text(git / "HEAD") or "").strip()
    if not head.startswith("ref:"):
        return None, head if _HASH.fullmatch(head) else None
    name = head.removeprefix("ref:").strip()
    branch = name.removeprefix("refs/heads/")
    if ".." in name or name.startswith("/") or branch == ".invalid":
        return None, None
    return branch, _reference(git, common, name)


def _reference(git: Path, common: Path, name: str) -> str | None:
    for folder in (git, common):
        text = (_text(folder / name) or "").strip()
        if _HASH.fullmatch(text):
            return text
    for line in (_text(common / "packed-refs") or "").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name and _HASH.fullmatch(commit):
            return commit
    return None


def _remotes(config: str) -> dict[str, str]:
    """Return the first url of each remote of a git configuration, in its order."""
    found: dict[str, str] = {}
    remote: str | None = None
    for raw in config.splitlines():
        line = raw.strip()
        section = _SECTION.match(line)
        if section is not None:
            is_remote = section[1].lower() == "remote" and section[2] is not None
            remote = re.sub(r"\\(.)", r"\1", section[2]) if is_remote else None
            line = line[section.end() :].strip()
        key, equals, value = line.partition("=")
        if remote is not None and equals and key.strip().lower() == "url":
            found.setdefault(remote, _value(value))
    return found


def _value(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:].partition('"')[0])
    return re.split(r"\s[#;]", text, maxsplit=1)[0].strip()


def _text(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return os.read(descriptor, _LIMIT).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)
