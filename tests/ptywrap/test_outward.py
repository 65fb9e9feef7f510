"""A single value leaves where it is on a list, or looks like nothing but a version or a model."""

import sys
from importlib import import_module

import pytest

from ptywrap import outward as told
from ptywrap import wire
from ptywrap.host.caches import PLACES
from ptywrap.lifecycle import BACKENDS
from ptywrap.lifecycle.base import EXACT, RACED, SAMPLED
from ptywrap.lifecycle.losses import OVERRUN, RESTART
from ptywrap.observe.sessions import _REASONS as REASONS
from tests.ptywrap.words import RULES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("git", "git"),
        ("sudo", "sudo"),
        ("cc1plus", "cc1plus"),
        ("collect2", "collect2"),
        ("dockerd", "dockerd"),
        ("python3.12", "python"),
        ("make123456789", "make"),
        ("acme-deploy", "…"),
        ("", "…"),
        ("/usr/bin/git", "…"),
        ("git hunter2", "…"),
    ],
)
def test_a_program_leaves_by_a_listed_name(name: str, expected: str) -> None:
    assert told.program(name, RULES) == expected


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("codeload.github.com", 443, "github.com"),
        ("GITHUB.com.", 22, "github.com"),
        ("acme.jfrog.io", 443, "jfrog.io"),
        ("notgithub.com", 443, "other:https"),
        ("github.com.evil.example", 80, "other:http"),
        ("com", 5432, "other:database"),
        ("192.0.2.7", 22, "other:ssh"),
        ("", 1000, "other:system"),
        ("payroll.acme.example", 12_000, "other:user"),
        ("payroll.acme.example", 60_000, "other:dynamic"),
        ("payroll.acme.example", None, "other:unknown"),
    ],
)
def test_a_host_leaves_by_its_listed_domain_or_the_class_of_its_port(
    host: str, port: int | None, expected: str
) -> None:
    assert told.remote_host(host, port, RULES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asleep", "asleep"),
        ("in docker.sock", "in docker.sock"),
        ("in git", "in git"),
        ("in git (shared)", "in git (shared)"),
        ("in acme.sock", "…"),
        ("in ", "…"),
        ("/home/ada/payroll.xlsx", "…"),
    ],
)
def test_a_label_is_a_word_of_the_table(text: str, expected: str) -> None:
    assert told.label(text, RULES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.11.2", "3.11.2"),
        ("v20.1.0", "v20.1.0"),
        ("go1.22.3", "go1.22.3"),
        ("1.81.0-nightly", "1.81.0-nightly"),
        ("2.0.0rc1", "2.0.0rc1"),
        ("17", "17"),
        ("1.0+acme.payroll", None),
        ("git version 2.39.5", None),
        ("hunter2", None),
    ],
)
def test_a_version_is_numbers_and_the_usual_words(text: str, expected: str | None) -> None:
    assert told.version(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6.18.0", "6.18.0"),
        ("6.18.0-1-amd64", "6.18.0-1"),
        ("6.8.0-acme-payroll", "6.8.0"),
        ("23.5.0", "23.5.0"),
        ("payroll", None),
    ],
)
def test_a_release_is_the_numbers_it_begins_with(text: str, expected: str | None) -> None:
    assert told.release(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "Intel(R) Core(TM) i7-1165G7 @ 2.80GHz"),
        ("Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763 64-Core Processor"),
        ("AMD Ryzen 9 5950X 16-Core Processor", "AMD Ryzen 9 5950X 16-Core Processor"),
        ("Apple M2 Pro", "Apple M2 Pro"),
        ("Apple M2 of Ada Lovelace", "Apple M2"),
        ("Imaginary", None),
    ],
)
def test_a_processor_is_listed_words_and_model_numbers(text: str, expected: str | None) -> None:
    assert told.processor(text, RULES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("core.fsmonitor=true", "core.fsmonitor=true"),
        ("core.fsmonitor=/home/ada/hook", "core.fsmonitor=…"),
        ("index.threads=4", "index.threads=4"),
        ("core.untrackedCache", "core.untrackedCache"),
        ("user.email=ada@acme.example", "…"),
    ],
)
def test_a_git_setting_is_a_listed_name_and_a_switch(text: str, expected: str) -> None:
    assert told.git_setting(text, RULES) == expected


def test_whatever_tells_is_listed_by_its_name() -> None:
    system = {"any", sys.platform}
    backends = {getattr(import_module(at), of).name for on, at, of in BACKENDS if on in system}
    spools = {f"spool ({reason})" for reason in ("age", "no room", "quota", "too large")}
    assert backends | spools <= RULES.outward.sensors


def test_every_cache_folder_we_look_for_is_listed() -> None:
    assert {place.name for place in PLACES} == RULES.outward.caches


@pytest.mark.parametrize("reason", [OVERRUN, RESTART, *(text for _, text in REASONS.values())])
def test_a_reason_of_ours_for_a_loss_leaves_whole(reason: str) -> None:
    assert told.clauses(reason, RULES.outward.losses) == reason


def test_the_words_of_facts_are_those_that_facts_are_told_with() -> None:
    every = {tool.cat for _, tool in RULES.tools.values()} | {name for name, _ in RULES.scripts}
    assert (
        every | {category for _, tool in RULES.tools.values() for category in tool.over.values()}
        == told.CATEGORIES
    )
    assert {EXACT, RACED, SAMPLED} == told.COMPLETENESS
    assert {name.removesuffix("_ns") for name in wire.Split.__struct_fields__} == told.CLASSES
    assert {"human", "agent", "ci", "script"} == told.ACTORS
    assert {"exact", "likely", "none"} == told.CONFIDENCE


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ((80, 8080), "http"),
        ((443, 8443), "https"),
        ((22,), "ssh"),
        ((53, 853), "dns"),
        ((9418,), "git"),
        ((3306, 5432, 6379, 27017), "database"),
        ((25, 587, 993), "mail"),
        ((5672, 9092), "queue"),
        ((0, 21, 1023), "system"),
        ((1024, 49151), "user"),
        ((49152, 65535), "dynamic"),
        ((None,), "unknown"),
    ],
)
def test_a_port_is_of_the_class_it_is_usually_for(ports: tuple[int | None], expected: str) -> None:
    assert {told.port_class(port) for port in ports} == {expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("23B81", "23B81"), ("22631.2861", None), ("10.0.22631", "10.0.22631"), ("payroll", None)],
)
def test_a_build_is_numbers_or_as_macos_names_them(text: str, expected: str | None) -> None:
    assert told.build(text) == expected
