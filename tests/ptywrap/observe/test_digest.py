"""What a command's facts need of its processes."""

from ptywrap.observe.account import Cpu
from ptywrap.observe.digest import Digest
from ptywrap.observe.naming import Ran
from tests import build

SHELL = 100
AT = build.AT


def a_digest() -> Digest:
    """Return the digest of nothing."""
    return Digest(SHELL)


def test_processes_are_summed_where_a_whole_source_tells_all() -> None:
    digest = a_digest()
    for pid in (1, 2):
        digest.add(build.a_process(pid=pid), whole=True)
    assert digest.cpu() == Cpu(2_000_000_000, 400_000_000)


def test_one_that_no_whole_source_tells_makes_the_sum_unknown() -> None:
    digest = a_digest()
    digest.add(build.a_process(), whole=True)
    digest.add(build.a_process(), whole=False)
    assert digest.cpu() == Cpu()


def test_one_that_goes_on_makes_the_sum_unknown() -> None:
    digest = a_digest()
    digest.add(build.a_process(wall_ns=None), whole=True)
    assert digest.cpu() == Cpu()


def test_of_nothing_nothing_is_known() -> None:
    digest = a_digest()
    assert (digest.cpu(), digest.number, digest.peak_rss_bytes) == (Cpu(), 0, None)


def test_the_worst_process_says_how_complete_a_command_is() -> None:
    digest = a_digest()
    for completeness in ("exact", "raced", "exact"):
        digest.add(build.a_process(completeness=completeness), whole=False)
    assert digest.completeness == "raced"


def test_a_process_that_only_forked_is_called_by_its_children() -> None:
    digest = a_digest()
    child = build.a_process(pid=6, ppid=5, argv=["make"])
    digest.add(child, whole=False)
    digest.add(build.a_process(pid=5, ppid=SHELL, argv=None), whole=False)
    assert digest.ran() == [Ran(("make",), AT, child.wall_ns or 0)]


def test_what_a_topmost_process_executed_hides_its_children() -> None:
    digest = a_digest()
    digest.add(build.a_process(pid=6, ppid=5, argv=["cc"]), whole=False)
    digest.add(build.a_process(pid=5, ppid=SHELL, argv=["make"]), whole=False)
    assert [one.argv for one in digest.ran()] == [("make",)]


def test_a_run_is_its_own_topmost_process() -> None:
    digest = a_digest()
    digest.add(build.a_process(pid=SHELL, ppid=7, argv=["make"]), whole=False)
    assert [one.argv for one in digest.ran()] == [("make",)]


def test_only_the_topmost_tell_a_signal() -> None:
    digest = a_digest()
    digest.add(build.a_process(pid=6, ppid=5, signal=9), whole=False)
    digest.add(build.a_process(pid=5, ppid=SHELL, signal=15), whole=False)
    assert digest.signals() == {15}


def test_of_very_many_the_topmost_are_still_known() -> None:
    digest = a_digest()
    for pid in range(1000, 3000):
        digest.add(build.a_process(pid=pid, ppid=999), whole=False)
    digest.add(build.a_process(pid=5, ppid=SHELL, argv=["make"]), whole=False)
    assert (digest.number, [one.argv for one in digest.ran()]) == (2001, [("make",)])
