"""From facts as they are kept here to facts as a server may have them: only what is listed leaves.

`outward` stands between the spool and the outbox. Each field that may leave has its rule below; one
without a rule stays here, so a new field does too until somebody decides. Numbers leave as they
are; a text leaves through `ptywrap.outward`, a template or a shape by its listed words, a
repository, a branch and a commit as a hash keyed by the tenant (trust.md 3.1, 3.2, 3.4).
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from ptywrap import outward as told
from ptywrap import wire
from ptywrap.templates import Rules, remote_shape, remote_template


class Keys(NamedTuple):
    """What the hashes of one device are keyed with: its tenant's key (any length), and its id."""

    tenant_key: bytes
    device: str


class _Place(NamedTuple):
    """What a rule knows beside the value; `port` is a flow's."""

    rules: Rules
    keys: Keys
    port: int | None = None


_Rule = Callable[[Any, _Place], Any]
_NUMBERS = frozenset({int, bool, bytes})


def outward(fact: wire.Fact, rules: Rules, keys: Keys) -> wire.Fact | None:
    """Return what of a fact may leave this machine, None for one that never does.

    A fleet's own domains are added to the shipped ones as ``rules.outward.domains``.
    """
    if type(fact) not in FIELDS:
        return None
    port = fact.remote_port if isinstance(fact, wire.Flow) else None
    projected: wire.Fact = _projected(fact, _Place(rules, keys, port))
    return projected


def project_id(repo: str, keys: Keys) -> str:
    """Return a repository's id, 64 hex digits: the same for one remote on every machine.

    A path is no remote: the work tree of a repository without one belongs to its device.
    """
    local = repo.startswith(("/", ".", "~"))
    return keyed(f"{keys.device}{repo}" if local else repo, keys)


def keyed(text: str, keys: Keys) -> str:
    """Return the HMAC-SHA256 of a text under the tenant's key, 64 hex digits."""
    return hmac.new(keys.tenant_key, text.encode(errors="backslashreplace"), "sha256").hexdigest()


def _projected(value: Any, place: _Place) -> Any:
    found = {}
    for name, rule in FIELDS[type(value)].items():
        old = getattr(value, name)
        if old is not None:
            new = rule(old, place)
            if new is not None:
                found[name] = new
    return type(value)(**found)


def _number(value: Any, _: _Place) -> Any:
    return value if type(value) in _NUMBERS else None


def _numbers(names: str) -> dict[str, _Rule]:
    return dict.fromkeys(names.split(), _number)


def _each(values: list[Any], place: _Place) -> list[Any]:
    return [_projected(value, place) for value in values]


def _listed(words: frozenset[str]) -> _Rule:
    return lambda value, _: told.one_of(value, words)


def _named(name: str) -> _Rule:
    """Return the rule for a word of a list of `rules.outward`."""
    return lambda value, place: told.one_of(value, getattr(place.rules.outward, name))


def _program(name: str, place: _Place) -> str:
    return told.program(name, place.rules)


def _programs(names: list[str], place: _Place) -> list[str]:
    return [told.program(name, place.rules) for name in names]


def _project(repo: str, place: _Place) -> str:
    return project_id(repo, place.keys)


def _branch(branch: str, place: _Place) -> str:
    return branch if branch in told.TRUNKS else keyed(branch, place.keys)


def _reasons(reasons: dict[str, int], place: _Place) -> dict[str, int]:
    """Return the reasons by their listed names; what the others took is one sum."""
    found: dict[str, int] = {}
    for name, length_ns in reasons.items():
        label = told.label(name, place.rules)
        found[label] = found.get(label, 0) + length_ns
    return found


def _device(_: str, place: _Place) -> str:
    return place.keys.device


_SPLIT = "cpu_ns runqueue_ns disk_ns network_ns input_ns lock_ns other_ns"
_DOWNLOAD = "active_ns wait_ns dns_ns connect_ns server_ns transfer_ns"
_COSTS = (
    "started_at wall_ns exit_status signal cpu_user_ns cpu_sys_ns peak_rss_bytes read_bytes "
    "write_bytes"
)

FIELDS: Mapping[type[Struct], Mapping[str, _Rule]] = {
    wire.Segment: {
        **_numbers("version policy wall_ns monotonic_ns boottime_ns utc_offset_ns"),
        "device": _device,
        "boot_id": lambda value, _: told.boot(value),
    },
    wire.Session: {
        **_numbers("id started_at ended_at"),
        "shell": _program,
        "boot_id": lambda value, _: told.boot(value) or None,
        "version": lambda value, _: told.version(value),
        "sensors": lambda value, place: told.each_of(value, place.rules.outward.sensors),
    },
    wire.Command: {
        **_numbers(f"session id shell_pid suspended_ns {_COSTS} received_bytes sent_bytes"),
        **_numbers("connections process_count free_network_ns wait_ns prompt_ns"),
        "shape": lambda value, place: remote_shape(value, place.rules),
        "template": lambda value, place: remote_template(value, place.rules),
        "category": _listed(told.CATEGORIES),
        "repo": _project,
        "branch": _branch,
        "commit": lambda value, place: keyed(value, place.keys),
        "actor": _listed(told.ACTORS),
        "completeness": _listed(told.COMPLETENESS),
        "split": _projected,
        "other_reasons": _reasons,
        "download": _projected,
        "daemons": _each,
        "context": _projected,
    },
    wire.Split: _numbers(_SPLIT),
    wire.Download: _numbers(_DOWNLOAD),
    wire.Daemon: {**_numbers("cpu_ns shared"), "name": _program},
    wire.Context: {
        **_numbers("targeted frequency_permille pressure_cpu_permille pressure_memory_permille"),
        **_numbers("pressure_io_permille ready_threads other_cores_permille major_faults"),
        **_numbers("swap_in_bytes compiler_runs changed_files tracked_files shell_start_ns"),
        **_numbers("boot_at cgroup_quota_permille emulated own_cpu_ns"),
        "wrappers": _programs,
        "tool_version": lambda value, _: told.version(value),
        "interpreter_version": lambda value, _: told.version(value),
        "os_build": lambda value, _: told.build(value),
        "power_source": _named("power"),
        "git_settings": lambda values, place: [
            told.git_setting(value, place.rules) for value in values
        ],
        "prompt_processes": _programs,
        "other_busy": _programs,
    },
    wire.Process: {
        **_numbers(f"session pid start_ticks command ppid parent_ticks {_COSTS}"),
        "name": _program,
        "source": _named("sensors"),
        "completeness": _listed(told.COMPLETENESS),
    },
    wire.Flow: {
        **_numbers("session id command pid process_ticks remote_port opened_at connect_ns"),
        **_numbers("first_byte_at closed_at received_bytes sent_bytes rtt_ns retransmits loopback"),
        "pid_confidence": _listed(told.CONFIDENCE),
        "protocol": _listed(told.PROTOCOLS),
        "remote_host": lambda value, place: told.remote_host(value, place.port, place.rules),
        "host_source": _listed(told.HOST_SOURCES),
    },
    wire.Sample: {
        **_numbers("session command at length_ns path_pid cpu_ns runqueue_ns received_bytes"),
        **_numbers("sent_bytes cores_permille"),
        "class_": _listed(told.CLASSES),
        "label": lambda value, place: told.label(value, place.rules),
    },
    wire.Project: {"repo": _project, "alias": _project},
    wire.Loss: {
        **_numbers("session since until missed"),
        "sensor": _named("sensors"),
        "reason": lambda value, place: told.clauses(value, place.rules.outward.losses),
    },
    wire.Host: {
        **_numbers("at cores memory_bytes disk_total_bytes disk_free_bytes"),
        "device": _device,
        "system": _named("systems"),
        "release": lambda value, _: told.release(value),
        "machine": _named("machines"),
        "cpu_model": lambda value, place: told.processor(value, place.rules),
        "file_system": _named("file_systems"),
        "caches": _each,
    },
    wire.Cache: {**_numbers("bytes changed_at"), "name": _named("caches")},
}
"""The rule of each field that may leave, by the part of a fact it is in."""
