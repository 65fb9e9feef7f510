"""A newcomer's first ten minutes with a service, in two terminals."""

import http.cookiejar
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scripts.proofs.service import free_port
from tests.e2e.places import PATH, Place
from tests.e2e.terminal import LAUNCHER, PROMPT, Terminal, plain, wait_for

TYPED = (
    "ls /",
    "cat /dev/null",
    "true",
    "false",
    "grep root /etc/passwd",
    "mkdir -p made",
    "sleep 0.1",
    "cp /dev/null made/one",
    "rm -r made",
    "env TERM=dumb true",
)
# What of them may leave: programs and flags that are listed, no path, no name, no value.
SHAPES = ("ls …", "cat …", "grep …", "mkdir -p …", "sleep …", "cp …", "rm -r …")


def opened(place: Place, argv: list[str]) -> Terminal:
    """Open a window whose shell finds our programs."""
    window = place.open(argv, place.environment(PATH=f"{Path(sys.prefix) / 'bin'}:{PATH}"))
    window.until(PROMPT)
    return window


def says(window: Terminal, line: str) -> str:
    """Type a line; return what it printed."""
    window.line(line)
    return plain(window.until(PROMPT)).decode().replace("\r\n", "\n")


def page_of(address: str) -> str:
    """Open a link as a browser would: with cookies, following where it leads."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    with urllib.request.build_opener(jar).open(address, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


def shapes(page: str) -> list[str]:
    """The commands on a page."""
    return re.findall(r"<code>(.*?)</code>", page)


@pytest.mark.linux
@pytest.mark.slow
def test_ten_commands_are_on_a_page_of_ones_own(place: Place) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    server = opened(place, ["/bin/bash"])
    listen = origin.removeprefix("http://")
    says(server, f"ptywrap-ingest serve --listen {listen} --data data 2>said &")
    said = place.work / "said"
    assert wait_for(lambda: said.exists() and "listening" in said.read_text())
    assert "kept nowhere" not in says(server, "ptywrap-ingest token create --data data >token")
    laptop = opened(place, LAUNCHER)
    assert f"joined {origin}" in says(laptop, f"ptywrap join {origin} --token-file token")
    for line in TYPED:
        says(laptop, line)
    assert re.search(r"sent to http://127.0.0.1:\d+: \d+ batch", says(laptop, "ptywrap ship"))

    def there() -> list[str]:
        told = says(laptop, "ptywrap dashboard --remote --no-browser")
        (link,) = re.findall(rf"{origin}/link/\S+", told)
        try:
            return shapes(page_of(link))
        except urllib.error.HTTPError as error:
            # For a moment after its start the store is not open yet.
            if error.code != 503:
                raise
            return []

    assert wait_for(lambda: set(SHAPES) <= set(there())), there()
