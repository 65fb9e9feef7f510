"""What every test starts from: no way into the developer's own folders, and markers that hold."""

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from tests import account
from tests import home as homes

# Marker -> what to do where it does not hold; None where it does.
NEEDS = {
    "linux": None if sys.platform == "linux" else "needs a Linux kernel: run it on Linux",
    "macos": None if sys.platform == "darwin" else "needs macOS: run it there",
    "root": None if os.getuid() == 0 else "needs root: run the tests as root",
}


def pytest_configure() -> None:
    """Take back what `nohup` and `&` had ignored: the shells of the tests would inherit it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine or account cannot run, and say why."""
    for item in items:
        for name, reason in NEEDS.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured but do not judge: their property `report`."""
    for outcome in ("passed", "failed"):
        for done in terminalreporter.getreports(outcome):
            for name, text in done.user_properties:
                if name == "report":
                    terminalreporter.write_line(f"{done.nodeid.rpartition('::')[2]}: {text}")


@pytest.fixture(scope="session", autouse=True)
def nobodys_home() -> Iterator[None]:
    """Lead a test that forgets to ask for a home into an empty one, never the developer's."""
    empty = homes.a_home()
    places = {name: value for name, value in empty.environ.items() if name.startswith("XDG_")}
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - homes.clean_environ().keys():
            patch.delenv(name)
        for name, value in {"HOME": empty.environ["HOME"], **places}.items():
            patch.setenv(name, value)
        yield
    homes.close(empty)


@pytest.fixture(autouse=True)
def own_mask() -> Iterator[None]:
    """Give back the file mask that a service's entry sets for the whole process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def home() -> Iterator[homes.Home]:
    """Yield a home of the test's own, and end what was started in it."""
    made = homes.a_home()
    yield made
    homes.close(made)


@pytest.fixture
def second() -> account.Account:
    """Return the second, ordinary account, or skip."""
    return account.ordinary()


@pytest.fixture
def second_home(second: account.Account) -> Iterator[homes.Home]:
    """Yield a home of the second account's, and end what was started in it."""
    made = account.a_home(second)
    yield made
    homes.close(made)
