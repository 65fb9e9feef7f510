"""The settings, and how their layers fold: defaults, system file, user file, environment, flags.

A `[locked]` table in the system file (`locked.KEY = true`) names keys that no later layer changes.
An off switch wins over everything, locked or not. A launch never fails on configuration: what
cannot be read is a `Complaint`, and only `ptywrap config` refuses it.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ptywrap import paths, switches
from ptywrap.errors import UserError

_RESERVED = frozenset(
    {
        "PTYWRAP_DISABLE",
        "PTYWRAP_SESSION",
        "PTYWRAP_TTY",
        "PTYWRAP_KEEPER",
        "PTYWRAP_MARKS",
        "PTYWRAP_MARKS_TEXT",
        "PTYWRAP_VENV",
        "PTYWRAP_TOKEN",
    }
)


_TABLE = "network"


class Config(Struct, frozen=True, kw_only=True):
    """Every setting; the defaults suit one person on one laptop."""

    enabled: bool = True
    """Off: every launch becomes the real shell or command."""
    shell: str | None = None
    """The real shell's path; unset: `$SHELL`, else the passwd entry."""
    ignore: list[str] = msgspec.field(default_factory=list)
    """Regular expressions; a line that matches one is recorded nowhere."""
    argv: str = "redacted"
    """`redacted` keeps argument vectors after redaction, `shape` keeps program and flags alone."""
    observer_idle_seconds: int = 300
    """The observer leaves this long after the last session."""
    store_idle_seconds: int = 60
    """The local store leaves this long after the last question."""
    spool_bytes: int = 64 << 20
    """Most bytes spool and archive take; the oldest go first, and are counted."""
    proxy: str | None = None
    """The HTTP proxy on the way to the service, http://host:port; none comes from elsewhere."""
    ca_file: str | None = None
    """PEM file of the authorities to trust for the service, in place of the system's."""
    ship_sparingly: bool = True
    """Nothing is sent over a metered link or on a low battery."""
    network: bool = True
    """Off: nothing is told of connections. `enabled` in the table `[network]`."""
    network_kernel: bool = True
    """Where the observer is root's, the kernel's tracepoints tell whose each connection was."""
    network_capture: bool = False
    """Names of hosts are read from packets, by a helper with CAP_NET_RAW."""
    templates: dict[str, str] = msgspec.field(default_factory=dict)
    """Command prefix to template; wins over the shipped table."""


class Setting(NamedTuple):
    """One setting in force and the layer it came from."""

    name: str
    value: Any
    layer: str


class Complaint(NamedTuple):
    """Something in a layer that could not be used; `nearest` is the known key it resembles."""

    layer: str
    message: str
    nearest: str | None


class Loaded(NamedTuple):
    """The folded settings, where each came from, and what was left out."""

    config: Config
    settings: list[Setting]
    complaints: list[Complaint]
    whole: bool = True
    """False where a file could not be read: it may have forbidden something, so nothing is sent."""


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    system: Path = paths.SYSTEM_CONFIG,
) -> Loaded:
    """Fold all layers; never raises on their content."""
    environ = os.environ if environ is None else environ
    fold = _Fold()
    text = fold.file(system)
    locked = text.pop("locked", {})
    fold.layer(str(system), text)
    if isinstance(locked, dict):
        fold.lock(str(system), locked)
    user = paths.config_file()
    fold.layer(str(user), fold.file(user))
    fold.environment(environ)
    fold.layer("flags", dict(flags or {}))
    return fold.loaded()


def off_switch(environ: Mapping[str, str], config: Config) -> str | None:
    """Return the name of the off switch in force, or None; any one wins."""
    return switches.thrown(environ) or (None if config.enabled else "enabled = false")


def demand(loaded: Loaded) -> None:
    """Raise UserError for the first complaint: `ptywrap config` does so, a launch never."""
    for complaint in loaded.complaints:
        hint = f"did you mean `{complaint.nearest}`?" if complaint.nearest else "correct that line"
        raise UserError(f"{complaint.layer}: {complaint.message}", hint)


class _Fold:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.layers: dict[str, str] = {}
        self.locks: dict[str, str] = {}
        self.complaints: list[Complaint] = []
        self.whole = True
        self.types = {field.name: field.type for field in msgspec.structs.fields(Config)}

    def file(self, path: Path) -> dict[str, Any]:
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            self.whole = False
            self.complaints.append(Complaint(str(path), str(error), None))
            return {}

    def layer(self, layer: str, values: Mapping[str, Any]) -> None:
        for name, value in _flat(values):
            if name not in self.types:
                self._unknown(layer, name)
            elif name in self.locks and (name, value) != ("enabled", False):
                self._say(layer, f"`{name}` is locked by {self.locks[name]}")
            else:
                self._take(layer, name, value)

    def lock(self, layer: str, locked: Mapping[str, Any]) -> None:
        for name, value in _flat(locked):
            if name not in self.types:
                self._unknown(layer, name)
            elif value is True:
                self.locks[name] = layer

    def environment(self, environ: Mapping[str, str]) -> None:
        for variable, text in environ.items():
            name = variable.removeprefix("PTYWRAP_").lower()
            if variable.startswith("PTYWRAP_") and variable not in _RESERVED:
                self.layer(variable, {name: _parsed(text)})

    def loaded(self) -> Loaded:
        config = msgspec.convert(self.values, Config)
        settings = [
            Setting(name, getattr(config, name), self.layers.get(name, "default"))
            for name in self.types
        ]
        return Loaded(config, settings, self.complaints, self.whole)

    def _take(self, layer: str, name: str, value: Any) -> None:
        if name == "enabled" and self.values.get(name) is False:
            return  # an off switch wins over every layer, later ones too
        try:
            self.values[name] = msgspec.convert(value, self.types[name])
        except msgspec.ValidationError as error:
            self._say(layer, f"`{name}`: {error}")
        else:
            self.layers[name] = layer

    def _unknown(self, layer: str, name: str) -> None:
        near = difflib.get_close_matches(name, self.types, n=1, cutoff=0.5)
        complaint = Complaint(layer, f"`{name}` is no setting", near[0] if near else None)
        self.complaints.append(complaint)

    def _say(self, layer: str, message: str) -> None:
        self.complaints.append(Complaint(layer, message, None))


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield settings by name; those in the table `[network]` bear its name."""
    for name, value in values.items():
        if name == _TABLE and isinstance(value, dict):
            for key, each in value.items():
                yield name if key == "enabled" else f"{name}_{key}", each
        else:
            yield name, value


def _parsed(text: str) -> Any:
    """Read an environment value as TOML where it is some, else as the text it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
