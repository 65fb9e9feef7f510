"""The machine's snapshot, from texts as kernels print them."""

import os
import subprocess
import sys

import pytest

from ptywrap import host
from ptywrap.host import sysctl_output
from ptywrap.host.proc_text import cpu_model, file_system, mount_type

MOUNTS = """22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
30 22 0:26 / /home rw,relatime shared:9 - btrfs /dev/sda1 rw,subvol=/home
31 30 0:44 / /home/a\\040b rw shared:10 - tmpfs tmpfs rw
"""


def test_the_first_processor_names_the_model() -> None:
    x86 = "processor : 0\nmodel name\t: Imaginary  9000\n\nmodel name\t: Another\n"
    arm = "processor : 0\nBogoMIPS : 48.00\nHardware\t: Some Board\n"
    assert [cpu_model(x86), cpu_model(arm), cpu_model("processor : 0\n")] == [
        "Imaginary 9000",
        "Some Board",
        None,
    ]


def test_a_file_system_is_that_of_the_device_or_of_the_deepest_mount() -> None:
    assert [file_system(MOUNTS, "259:2"), file_system(MOUNTS, "9:9")] == ["ext4", None]
    paths = ["/etc", "/home/c", "/home/a b/c", "/homes"]
    assert [mount_type(MOUNTS, path) for path in paths] == ["ext4", "btrfs", "tmpfs", "ext4"]


@pytest.mark.linux
def test_the_kernel_is_the_one_uname_tells() -> None:
    fact = host.read("d" * 32)
    done = subprocess.run(["uname", "-srm"], check=True, capture_output=True, text=True)
    assert f"{fact.system} {fact.release} {fact.machine}" == done.stdout.strip()


@pytest.mark.linux
def test_cores_are_those_this_process_may_use() -> None:
    if sys.platform == "linux":
        assert host.read("d" * 32).cores == len(os.sched_getaffinity(0))


def test_what_sysctl_prints_is_taken_apart() -> None:
    output = "machdep.cpu.brand_string: Apple M1\nhw.memsize: 17179869184\nhw.logicalcpu: 8\n"
    assert sysctl_output.fields(output) == {
        "cpu_model": "Apple M1",
        "memory_bytes": 17_179_869_184,
        "cores": 8,
    }


@pytest.mark.parametrize("output", ["", "hw.memsize: \n", "nonsense", "hw.logicalcpu: many\n"])
def test_what_sysctl_does_not_say_is_not_known(output: str) -> None:
    assert sysctl_output.fields(output) == {}
