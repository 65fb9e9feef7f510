"""Finds types and members in made-up descriptions of kernels, and in this kernel's."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsniff.sources.bpf_types import NoSuchType, Types
from tests.netsniff.sources import btf_built as built
from tests.netsniff.sources.btf_built import Built, Member

REAL = Path("/sys/kernel/btf/vmlinux")


def a_kernel() -> Built:
    """A socket whose ports lie in an anonymous structure of an anonymous union."""
    made = Built()
    integer = made.integer()
    pair = made.structure("", Member("dport", integer, 0), Member("num", integer, 32))
    either = made.structure("", Member("both", integer, 0), Member("", pair, 0), kind=built.UNION)
    common = made.structure("common", Member("hash", integer, 0), Member("", either, 64))
    alias = made.add(built.TYPEDEF, "common_t", common)
    sure = made.add(built.CONST, of=alias)
    made.structure("sock", Member("__common", sure, 128), Member("mark", integer, 512))
    prototype = made.add(built.PROTOTYPE, of=0, tail=bytes(16), many=2)
    made.add(built.FUNCTION, "sock", prototype)
    made.add(built.TYPEDEF, "btf_trace_sock", made.add(built.POINTER, of=prototype))
    return made


def test_a_member_of_anonymous_members_is_found_where_they_lie() -> None:
    types = Types(a_kernel().data())
    assert types.offset("common", "dport") == 8
    assert types.offset("common", "num") == 12


def test_a_member_of_a_member_is_found_through_names_and_qualifiers_of_its_type() -> None:
    assert Types(a_kernel().data()).offset("sock", "__common", "num") == 28


def test_things_of_one_name_are_told_apart_by_what_they_are() -> None:
    types = Types(a_kernel().data())
    assert types.function("sock") == 9
    assert types.offset("sock", "mark") == 64


def test_a_type_is_numbered_by_its_place() -> None:
    assert Types(a_kernel().data()).typedef("btf_trace_sock") == 11


def test_the_first_type_of_all_is_found() -> None:
    made = Built()
    made.add(built.TYPEDEF, "first")
    assert Types(made.data()).typedef("first") == 1


def test_a_field_that_begins_in_the_middle_of_a_byte_is_refused() -> None:
    made = Built()
    integer = made.integer()
    fields = (Member("whole", integer, 8 << 24 | 16), Member("part", integer, 3 << 24 | 27))
    made.structure("flags", *fields, bits=True)
    types = Types(made.data())
    assert types.offset("flags", "whole") == 2
    with pytest.raises(NoSuchType):
        types.offset("flags", "part")


@pytest.mark.parametrize(
    "path", [("nothing", "mark"), ("sock", "nothing"), ("sock", "dport"), ("sock", "mark", "num")]
)
def test_what_is_not_there_is_said_by_its_name(path: tuple[str, ...]) -> None:
    with pytest.raises(NoSuchType, match=r"nothing|dport|num"):
        Types(a_kernel().data()).offset(*path)


def test_a_structure_that_holds_itself_ends() -> None:
    made = Built()
    made.structure("loop", Member("", 1, 0))
    with pytest.raises(NoSuchType):
        Types(made.data()).offset("loop", "within")


def test_every_cut_is_refused() -> None:
    data = a_kernel().data()
    for end in range(len(data)):
        with pytest.raises(NoSuchType):
            Types(data[:end])


@settings(deadline=None)
@given(st.integers(0, len(a_kernel().data()) - 1), st.integers(0, 255))
def test_damage_raises_its_own_error_or_none(at: int, value: int) -> None:
    data = bytearray(a_kernel().data())
    data[at] = value
    try:
        types = Types(bytes(data))
        types.offset("sock", "__common", "num")
    except NoSuchType:
        return
    assert types is not None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(NoSuchType):
        Types(data)


@pytest.mark.linux
def test_this_kernel_says_where_ports_and_addresses_lie() -> None:
    """Their places have not moved for ten years (struct sock_common, include/net/sock.h)."""
    if not REAL.exists():
        pytest.skip("this kernel does not describe itself: boot one with CONFIG_DEBUG_INFO_BTF")
    types = Types(REAL.read_bytes())
    members = ("skc_daddr", "skc_rcv_saddr", "skc_dport", "skc_num", "skc_family")
    assert [types.offset("sock_common", name) for name in members] == [0, 4, 12, 14, 16]
