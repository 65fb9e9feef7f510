"""What leaves the machine is what somebody listed; a new field stays until somebody decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, structs

from ptywrap import projection, wire
from tests import build, filled
from tests.ptywrap.leaving import KEYS, keyed, out, sent
from tests.ptywrap.words import RULES, random_looking
from tests.secrets_made import kept, made

STAYS: dict[type[Struct], set[str]] = {
    wire.Session: {"user", "host", "terminal"},
    wire.Command: {"line", "line_cut", "cwd", "return_delay_ns"},
    wire.Daemon: {"peer"},
    wire.Context: {"tree_hash", "argv_hash", "lockfile_hash", "network_id"},
    wire.Process: {"exe", "argv", "argv_cut", "cwd"},
    wire.Flow: {"remote_address"},
}
PARTS = sorted(
    {part for struct in filled.TRAVELLING for part in filled.parts(struct)} | {wire.Segment},
    key=lambda part: part.__name__,
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_each_field_leaves_by_a_rule_or_is_known_to_stay(part: type[Struct]) -> None:
    decided = set(projection.FIELDS[part]) | STAYS.get(part, set())
    assert decided == set(part.__struct_fields__)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_no_field_both_leaves_and_stays(part: type[Struct]) -> None:
    assert set(projection.FIELDS[part]) & STAYS.get(part, set()) == set()


@pytest.mark.parametrize("struct", filled.FACTS, ids=lambda struct: struct.__name__)
@pytest.mark.parametrize("secret", ["human", "weak", "hex32", "mixed20", "digits9"])
def test_a_secret_in_every_text_of_a_fact_is_not_in_the_bytes(
    struct: type[Struct], secret: str
) -> None:
    canary = made(5)[secret]
    fact = filled.filled(struct, lambda _: canary)
    body = sent(fact).decode("latin-1")
    assert kept(body, [canary]) == []


@pytest.mark.parametrize("around", ["in {}", "in {} (shared)", "make {}", "{}=true", "{}; {}"])
@pytest.mark.parametrize("struct", filled.FACTS, ids=lambda struct: struct.__name__)
def test_a_secret_beside_listed_words_is_not_in_the_bytes(
    struct: type[Struct], around: str
) -> None:
    canary = made(6)["human"]
    fact = filled.filled(struct, lambda _: around.format(canary, canary))
    assert kept(sent(fact).decode("latin-1"), [canary]) == []


@given(random_looking(), st.sampled_from(filled.FACTS))
def test_no_random_looking_text_is_in_the_bytes(secret: str, struct: type[Struct]) -> None:
    fact = filled.filled(struct, lambda name: secret + name)
    assert kept(sent(fact).decode("latin-1"), [secret]) == []


@given(filled.facts())
def test_any_fact_is_projected_and_packed(facts: list[wire.Fact]) -> None:
    # Two that differ in what does not leave may be told as one.
    leaving = [out(fact) for fact in facts]
    body = wire.pack("0", build.a_segment(), leaving)
    assert len(list(wire.facts(wire.unpack(body)))) == len(wire.latest(leaving))


@given(filled.facts())
def test_numbers_leave_as_they_are(facts: list[wire.Fact]) -> None:
    for fact in facts:
        left = out(fact)
        numbers = [name for name in projection.FIELDS[type(fact)] if name.endswith(("_ns", "_at"))]
        assert [getattr(left, name) for name in numbers] == [
            getattr(fact, name) for name in numbers
        ]


def test_a_commit_never_leaves() -> None:
    assert out(wire.Commit(session=build.SESSION, commit="c0ffee")) is None


def test_a_command_leaves_as_its_shape() -> None:
    assert out(build.a_command(return_delay_ns=5, line_cut=True)) == build.a_command(
        line=None,
        cwd=None,
        template="make …",
        repo=keyed("example.org/ada/engine"),
        commit=keyed("c0ffee"),
    )


def test_a_process_leaves_as_a_listed_name_and_numbers() -> None:
    assert out(build.a_process()) == build.a_process(exe=None, argv=None, cwd=None)


def test_a_flow_leaves_without_its_address() -> None:
    assert out(build.a_flow()) == build.a_flow(remote_address=None, remote_host="other:https")


def test_a_session_leaves_without_user_host_and_terminal() -> None:
    assert out(build.a_session()) == build.a_session(user=None, host=None, terminal=None)


def test_a_machine_leaves_as_model_and_sizes_under_its_device_id() -> None:
    model = "Intel(R) Core(TM) i7-1165G7 @ 2.80GHz"
    fact = build.a_host(cpu_model=model, release="6.18.0-1-amd64")
    assert out(fact) == build.a_host(device=KEYS.device, cpu_model=model, release="6.18.0-1")


@pytest.mark.parametrize("boot", ["", "payroll", made(5)["hex32"], build.BOOT + "x"])
def test_a_boot_that_is_not_as_the_kernel_names_them_does_not_leave(boot: str) -> None:
    assert out(build.a_session(boot_id=boot)).boot_id is None
    assert out(build.a_segment(boot_id=boot)).boot_id == ""


def test_a_header_leaves_under_its_device_id() -> None:
    assert out(build.a_segment()) == build.a_segment(device=KEYS.device)


@pytest.mark.parametrize("branch", ["main", "master", "develop", "trunk"])
def test_a_trunk_leaves_in_clear(branch: str) -> None:
    assert out(build.a_command(branch=branch)).branch == branch


@pytest.mark.parametrize("branch", ["Main", "feature/main", "main ", "release"])
def test_any_other_branch_leaves_as_a_hash(branch: str) -> None:
    assert out(build.a_command(branch=branch)).branch == keyed(branch)


def test_every_remote_of_a_checkout_is_hashed_alike() -> None:
    fact = wire.Project(repo="example.org/up/engine", alias="example.org/ada/engine")
    left = out(fact)
    assert left == wire.Project(
        repo=keyed("example.org/up/engine"), alias=keyed("example.org/ada/engine")
    )
    assert left.repo == out(build.a_command(repo="example.org/up/engine")).repo


def test_a_repository_without_a_remote_is_of_its_device() -> None:
    here = projection.project_id("/home/ada/engine", KEYS)
    there = projection.project_id("/home/ada/engine", KEYS._replace(device="f" * 32))
    assert here == keyed("e" * 32 + "/home/ada/engine")
    assert here != there


def test_one_remote_has_one_id_on_every_machine_of_a_tenant_alone() -> None:
    here = projection.project_id("example.org/a/b", KEYS)
    assert here == projection.project_id("example.org/a/b", KEYS._replace(device="f" * 32))
    assert here != projection.project_id("example.org/a/b", KEYS._replace(tenant_key=b"other"))


def test_an_unknown_host_stays_unknown() -> None:
    assert out(build.a_flow(remote_host=None)).remote_host is None


def test_a_fleet_may_list_domains_of_its_own() -> None:
    own = structs.replace(RULES.outward, domains=RULES.outward.domains | {"acme.example"})
    fact = build.a_flow(remote_host="git.acme.example")
    left = projection.outward(fact, RULES._replace(outward=own), KEYS)
    assert isinstance(left, wire.Flow)
    assert left.remote_host == "acme.example"


def test_reasons_that_are_not_listed_are_one_sum() -> None:
    reasons = {"asleep": 5, "in acme.sock": 3, "in payroll": 4}
    assert out(build.a_command(other_reasons=reasons)).other_reasons == {"asleep": 5, "…": 7}


def test_a_loss_says_the_clauses_that_are_listed() -> None:
    reason = "more events than the socket could hold; [Errno 2] No such file: '/home/ada'"
    left = out(build.a_loss(sensor="spool (quota)", reason=reason))
    assert (left.sensor, left.reason) == (
        "spool (quota)",
        "more events than the socket could hold; …",
    )
