"""tmux as the terminal: what a person would see on the screen, with colours and cursor."""

import re
import shlex
import subprocess
from typing import NamedTuple

from tests.e2e.places import Place, needs
from tests.e2e.terminal import plain, wait_for

# A screen that has not changed for so long has stopped to change: tmux itself waits 0.25 s
# before it passes a new size on.
STILL_S = 0.3


class Screen(NamedTuple):
    """One moment of a screen: its lines with their attributes, the cursor, alternate or not."""

    text: str
    cursor: str


class Step(NamedTuple):
    """Keys as tmux names them, then what must be on the screen before it is looked at."""

    keys: tuple[str, ...]
    shows: str


class Multiplexer:
    """A tmux server of its own with one window in it."""

    def __init__(self, place: Place, argv: list[str]) -> None:
        """Start the server and `argv` in a window of 30 lines by 100 columns."""
        needs("tmux")
        self.place = place
        self.socket = str(place.run / f"tmux-{len(list(place.run.glob('tmux-*')))}")
        (place.home / "tmux.conf").write_text(
            'set -g status off\nset -g default-terminal "xterm-256color"\nset -g escape-time 0\n'
        )
        self.tell("new-session", "-d", "-x", "100", "-y", "30", shlex.join(argv))

    def tell(self, *words: str) -> str:
        """Run a tmux command and return what it says."""
        conf = str(self.place.home / "tmux.conf")
        done = subprocess.run(
            ["tmux", "-S", self.socket, "-f", conf, *words],
            env=self.place.environment(),
            cwd=self.place.work,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def screen(self) -> Screen:
        """Return the screen as it is now."""
        form = "#{cursor_x},#{cursor_y} #{alternate_on} #{cursor_flag} #{mouse_any_flag}"
        return Screen(self.tell("capture-pane", "-p", "-e"), self.tell("display", "-p", form))

    def settled(self, shows: str) -> Screen:
        """Return the screen once it shows a pattern and has stopped to change."""
        last = [self.screen()]

        def changed() -> bool:
            before, last[0] = last[0], self.screen()
            return before != last[0]

        def still() -> bool:
            shown = plain(last[0].text.encode()).decode()
            found = re.search(shows, shown) is not None
            return not wait_for(changed, STILL_S if found else 0) and found

        assert wait_for(still), f"no {shows!r} on:\n{last[0].text}"
        return last[0]

    def play(self, steps: list[Step]) -> list[Screen]:
        """Type the keys of each step and return the screens after them."""
        screens = []
        for step in steps:
            if step.keys:
                self.tell("send-keys", *step.keys)
            screens.append(self.settled(step.shows))
        return screens

    def close(self) -> None:
        """End the server and all in it."""
        self.tell("kill-server")
