"""Known cache folders of tools, and their sizes as far as a small budget of time reaches."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from ptywrap import clock
from ptywrap.host.base import Probe
from ptywrap.wire import Cache

BUDGET_NS = 50_000_000
"""How long all folders together may take; the size of one that is not done by then is not known."""


class Place(NamedTuple):
    """Where a tool keeps its cache: a variable that names it, else a path below the home."""

    name: str
    variable: str
    path: str


PLACES = (
    Place("pip", "PIP_CACHE_DIR", ".cache/pip"),
    Place("uv", "UV_CACHE_DIR", ".cache/uv"),
    Place("poetry", "POETRY_CACHE_DIR", ".cache/pypoetry"),
    Place("npm", "npm_config_cache", ".npm"),
    Place("yarn", "YARN_CACHE_FOLDER", ".cache/yarn"),
    Place("pnpm", "PNPM_HOME", ".local/share/pnpm"),
    Place("bun", "BUN_INSTALL_CACHE_DIR", ".bun/install/cache"),
    Place("cargo", "CARGO_HOME", ".cargo"),
    Place("rustup", "RUSTUP_HOME", ".rustup"),
    Place("go-build", "GOCACHE", ".cache/go-build"),
    Place("go-mod", "GOMODCACHE", "go/pkg/mod"),
    Place("maven", "MAVEN_REPO_LOCAL", ".m2/repository"),
    Place("gradle", "GRADLE_USER_HOME", ".gradle"),
    Place("ccache", "CCACHE_DIR", ".cache/ccache"),
    Place("sccache", "SCCACHE_DIR", ".cache/sccache"),
    Place("bazel", "BAZEL_OUTPUT_ROOT", ".cache/bazel"),
    Place("nuget", "NUGET_PACKAGES", ".nuget/packages"),
    Place("composer", "COMPOSER_HOME", ".composer/cache"),
    Place("bundler", "BUNDLE_USER_HOME", ".bundle"),
    Place("pre-commit", "PRE_COMMIT_HOME", ".cache/pre-commit"),
    Place("homebrew", "HOMEBREW_CACHE", ".cache/Homebrew"),
)


class Caches:
    """The cache folders that are there."""

    name = "caches"
    fields = frozenset({"caches"})

    def probe(self) -> Probe:
        """Needs nothing but a home."""
        return Probe(usable=True)

    def read(self) -> dict[str, Any]:
        """Give each known folder that exists, with its size if there was time."""
        home = os.path.expanduser("~")
        folders = [
            (place.name, os.environ.get(place.variable) or os.path.join(home, place.path))
            for place in PLACES
        ]
        return {"caches": sizes(folders, clock.monotonic_ns, BUDGET_NS)}


def sizes(folders: list[tuple[str, str]], now_ns: Callable[[], int], budget_ns: int) -> list[Cache]:
    """Return the folders that exist; `changed_at` is when the folder itself last changed."""
    until_ns = now_ns() + budget_ns
    found = []
    for name, path in folders:
        try:
            changed_at = os.stat(path).st_mtime_ns
        except OSError:
            continue
        total = _size(path, now_ns, until_ns)
        found.append(Cache(name=name, bytes=total, changed_at=changed_at))
    return found


def _size(path: str, now_ns: Callable[[], int], until_ns: int) -> int | None:
    """Return the bytes of all files below a folder, links not followed; None when time ran out."""
    total = 0
    waiting = [path]
    while waiting:
        if now_ns() >= until_ns:
            return None
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
