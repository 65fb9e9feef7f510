"""The programs that stand in for a shell in a measurement."""

import os
from pathlib import Path

_ECHO = "#!/bin/sh\nstty raw -echo\nprintf R\nexec cat\n"
_WRITES = """\
#!{python} -IS
import os
write, line = os.write, b"x" * 22 + b"\\r\\n"
for _ in range({number}):
    write(1, line)
"""
_LAST_WORD = """\
#!{python} -IS
import os, time
os.write(1, b"%d\\n" % time.monotonic_ns())
os._exit(0)
"""


def made(folder: Path, name: str, text: str) -> str:
    """Write an executable file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def shows_file(folder: Path, size_bytes: int) -> str:
    """Return a program that shows `size_bytes` of text in lines of 80, and no more."""
    data = folder / f"text-{size_bytes}"
    line = b"".join(b"%c" % (33 + at % 90) for at in range(79)) + b"\n"
    with data.open("wb") as file:
        block = line * 1024
        for _ in range(size_bytes // len(block)):
            file.write(block)
    return made(folder, f"cat-{size_bytes}", f"#!/bin/sh\nexec cat {data}\n")


def counts(folder: Path, last: int) -> str:
    """Return a program that counts to `last`."""
    return made(folder, f"seq-{last}", f"#!/bin/sh\nexec seq 1 {last}\n")


def writes(folder: Path, number: int) -> str:
    """Return a program that makes `number` writes of 24 bytes."""
    text = _WRITES.format(python="/usr/bin/python3", number=number)
    return made(folder, f"writes-{number}", text)


def echoes(folder: Path) -> str:
    """Return a program that says R and then echoes each byte, the terminal raw."""
    return made(folder, "echo", _ECHO)


def last_word(folder: Path) -> str:
    """Return a program that says the monotonic time and ends at once."""
    return made(folder, "last-word", _LAST_WORD.format(python="/usr/bin/python3"))


def idles(folder: Path) -> str:
    """Return a program that says R and then does nothing for a long time."""
    return made(folder, "idle", "#!/bin/sh\nprintf R\nexec sleep 3600\n")


def prompting_home(folder: Path) -> None:
    """Give bash, zsh and fish start-up files that do nothing but set the prompt `READY>`."""
    (folder / ".bashrc").write_text("PS1='READY> '\n", encoding="utf-8")
    (folder / ".zshrc").write_text("PS1='READY> '\n", encoding="utf-8")
    fish = folder / ".config" / "fish"
    fish.mkdir(parents=True, exist_ok=True)
    (fish / "config.fish").write_text(
        "function fish_prompt; echo -n 'READY> '; end\nset fish_greeting\n", encoding="utf-8"
    )


def interactive(folder: Path, shell: str) -> str:
    """Return the path of a real shell; `folder` is its home."""
    prompting_home(folder)
    return next(path for path in (f"/usr/bin/{shell}", f"/bin/{shell}") if os.access(path, os.X_OK))
