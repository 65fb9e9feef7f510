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


class Rule(NamedTuple):
    """How a value leaves, in words and as a function of it; what gives None is not told."""

    how: str
    of: Callable[[Any, _Place], Any]


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
            new = rule.of(old, place)
            if new is not None:
                found[name] = new
    return type(value)(**found)


def _number(value: Any, _: _Place) -> Any:
    return value if type(value) in _NUMBERS else None


def _each(values: list[Any], place: _Place) -> list[Any]:
    return [_projected(value, place) for value in values]


def _program(name: str, place: _Place) -> str:
    return told.program(name, place.rules)


def _programs(names: list[str], place: _Place) -> list[str]:
    return [told.program(name, place.rules) for name in names]


def _settings(values: list[str], place: _Place) -> list[str]:
    return [told.git_setting(value, place.rules) for value in values]


def _branch(branch: str, place: _Place) -> str:
    return branch if branch in told.TRUNKS else keyed(branch, place.keys)


_MOST = (1 << 63) - 1
"""What a column holds."""


def _reasons(reasons: dict[str, int], place: _Place) -> dict[str, int]:
    """Return the reasons by their listed names; what the others took is one sum."""
    found: dict[str, int] = {}
    for name, length_ns in reasons.items():
        label = told.label(name, place.rules)
        found[label] = max(-_MOST, min(found.get(label, 0) + length_ns, _MOST))
    return found


def _host(host: str, place: _Place) -> str:
    return told.remote_host(host, place.port, place.rules)


def _word(words: frozenset[str]) -> Rule:
    """Return the rule for a word of a closed list."""
    return Rule(f"one of {', '.join(sorted(words))}", lambda value, _: told.one_of(value, words))


def _listed(name: str) -> Rule:
    """Return the rule for a word of a list of `rules.outward`."""
    return Rule(
        f"where `{name}` lists it, else `…`",
        lambda value, place: told.one_of(value, getattr(place.rules.outward, name)),
    )


def _numbers(names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), AS_IT_IS)


AS_IT_IS = Rule("as it is", _number)
_PARTS = Rule("field by field, below", _projected)
_LIST = Rule("each field by field, below", _each)
_NAME = Rule("the name of a listed program, else `…`", _program)
_NAMES = Rule("each the name of a listed program, else `…`", _programs)
_PROJECT = Rule("hash under the tenant's key", lambda repo, place: project_id(repo, place.keys))
_DEVICE = Rule("the device id that was enrolled", lambda _, place: place.keys.device)
_VERSION = Rule("a version in numbers, else unknown", lambda text, _: told.version(text))
_BOOT = "the kernel's id of the boot, in its form alone"
_COMPLETENESS = _word(told.COMPLETENESS)

_COSTS = (
    "started_at wall_ns exit_status signal cpu_user_ns cpu_sys_ns peak_rss_bytes read_bytes "
    "write_bytes"
)

FIELDS: Mapping[type[Struct], Mapping[str, Rule]] = {
    wire.Segment: {
        **_numbers("version policy wall_ns monotonic_ns boottime_ns utc_offset_ns"),
        "device": _DEVICE,
        "boot_id": Rule(_BOOT, lambda value, _: told.boot(value)),
    },
    wire.Session: {
        **_numbers("id started_at ended_at"),
        "shell": _NAME,
        "boot_id": Rule(_BOOT, lambda value, _: told.boot(value) or None),
        "version": _VERSION,
        "sensors": Rule(
            "each where `sensors` lists it, else `…`",
            lambda values, place: told.each_of(values, place.rules.outward.sensors),
        ),
    },
    wire.Command: {
        **_numbers(f"session id shell_pid suspended_ns {_COSTS} received_bytes sent_bytes"),
        **_numbers("connections process_count free_network_ns wait_ns prompt_ns"),
        "shape": Rule(
            "listed programs, their words, and flags",
            lambda shape, place: remote_shape(shape, place.rules),
        ),
        "template": Rule(
            "listed programs and their words, else `…`",
            lambda template, place: remote_template(template, place.rules),
        ),
        "category": _word(told.CATEGORIES),
        "repo": _PROJECT,
        "branch": Rule(
            "hash under the tenant's key; main, master, develop and trunk as they are", _branch
        ),
        "commit": Rule(
            "hash under the tenant's key", lambda commit, place: keyed(commit, place.keys)
        ),
        "actor": _word(told.ACTORS),
        "completeness": _COMPLETENESS,
        "split": _PARTS,
        "other_reasons": Rule("where `labels` lists the name; the others as one sum", _reasons),
        "download": _PARTS,
        "daemons": _LIST,
        "context": _PARTS,
    },
    wire.Split: _numbers("cpu_ns runqueue_ns disk_ns network_ns input_ns lock_ns other_ns"),
    wire.Download: _numbers("active_ns wait_ns dns_ns connect_ns server_ns transfer_ns"),
    wire.Daemon: {**_numbers("cpu_ns shared"), "name": _NAME},
    wire.Context: {
        **_numbers("targeted frequency_permille pressure_cpu_permille pressure_memory_permille"),
        **_numbers("pressure_io_permille ready_threads other_cores_permille major_faults"),
        **_numbers("swap_in_bytes compiler_runs changed_files tracked_files shell_start_ns"),
        **_numbers("boot_at cgroup_quota_permille emulated own_cpu_ns"),
        "wrappers": _NAMES,
        "tool_version": _VERSION,
        "interpreter_version": _VERSION,
        "os_build": Rule(
            "a version or build in numbers, else unknown", lambda text, _: told.build(text)
        ),
        "power_source": _listed("power"),
        "git_settings": Rule(
            "where `git_settings` lists the name; switches as they are", _settings
        ),
        "prompt_processes": _NAMES,
        "other_busy": _NAMES,
    },
    wire.Process: {
        **_numbers(f"session pid start_ticks command ppid parent_ticks {_COSTS}"),
        "name": _NAME,
        "source": _listed("sensors"),
        "completeness": _COMPLETENESS,
    },
    wire.Flow: {
        **_numbers("session id command pid process_ticks remote_port opened_at connect_ns"),
        **_numbers("first_byte_at closed_at received_bytes sent_bytes rtt_ns retransmits loopback"),
        "pid_confidence": _word(told.CONFIDENCE),
        "protocol": _word(told.PROTOCOLS),
        "remote_host": Rule(
            "the domain that `domains` lists, else `other:` and a port class", _host
        ),
        "host_source": _word(told.HOST_SOURCES),
    },
    wire.Sample: {
        **_numbers("session command at length_ns path_pid cpu_ns runqueue_ns received_bytes"),
        **_numbers("sent_bytes cores_permille"),
        "class_": _word(told.CLASSES),
        "label": Rule(
            "where `labels` lists it, else `…`", lambda label, place: told.label(label, place.rules)
        ),
    },
    wire.Project: {"repo": _PROJECT, "alias": _PROJECT},
    wire.Loss: {
        **_numbers("session since until missed"),
        "sensor": _listed("sensors"),
        "reason": Rule(
            "the clauses that `losses` lists, else `…`",
            lambda reason, place: told.clauses(reason, place.rules.outward.losses),
        ),
    },
    wire.Host: {
        **_numbers("at cores memory_bytes disk_total_bytes disk_free_bytes"),
        "device": _DEVICE,
        "system": _listed("systems"),
        "release": Rule("the numbers it begins with", lambda text, _: told.release(text)),
        "machine": _listed("machines"),
        "cpu_model": Rule(
            "model numbers, and words that `processors` lists",
            lambda text, place: told.processor(text, place.rules),
        ),
        "file_system": _listed("file_systems"),
        "caches": _LIST,
    },
    wire.Cache: {**_numbers("bytes changed_at"), "name": _listed("caches")},
}
"""The rule of each field that may leave, by the part of a fact it is in."""
