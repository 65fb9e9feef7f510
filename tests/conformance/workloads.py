"""The three workloads on which processes are counted: a loop, a configure-like script, a make."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest

PATH = "/usr/bin:/bin"

LOOP = """i=0
while [ $i -lt 1000 ]; do /bin/true $i; i=$((i+1)); done
"""

# Per turn: 8 forks and 6 execs, as configure does it: pipes, substitutions, here-documents.
CONFIGURE = """i=0
while [ $i -lt 50 ]; do
  i=$((i+1))
  cat >conftest.$i <<END
int main(void) { return $i; }
END
  if cat conftest.$i | sed 's/main/start/' | grep 'start' >/dev/null; then found=yes; fi
  name=`expr "x$i" : 'x\\(.*\\)'`
  base=$(basename "/usr/include/header-$name.h" .h)
  word=$(echo "checking for $base")
  (exit 1) || found=no
  rm -f conftest.$i
done
"""

MAKEFILE = """OBJECTS = {objects}
program: $(OBJECTS)
\tgcc -o program $(OBJECTS)
%.o: %.c
\tgcc -O1 -c -o $@ $<
"""


class Workload(NamedTuple):
    """What to run where; `share` is how many of a thousand argument lists must be told."""

    name: str
    argv: list[str]
    folder: Path
    share: int


def loop(folder: Path) -> Workload:
    """A thousand times /bin/true."""
    (folder / "loop.sh").write_text(LOOP)
    return Workload("loop", ["sh", "loop.sh"], folder, 990)


def configure(folder: Path) -> Workload:
    """Some 400 forks, three quarters of which exec."""
    (folder / "configure.sh").write_text(CONFIGURE)
    return Workload("configure", ["sh", "configure.sh"], folder, 960)


def make(folder: Path) -> Workload:
    """Forty-two small files and one program: 130 execs, two at a time."""
    for program in ("gcc", "make"):
        if not any(os.access(f"{each}/{program}", os.X_OK) for each in PATH.split(":")):
            pytest.skip(f"needs {program}: apt-get install gcc make")
    names = [f"part{number}" for number in range(41)]
    for name in names:
        body = "".join(f"int {name}_{n}(int x) {{ return x * {n} + 1; }}\n" for n in range(20))
        (folder / f"{name}.c").write_text(body)
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    objects = " ".join(f"{name}.o" for name in ["main", *names])
    (folder / "Makefile").write_text(MAKEFILE.format(objects=objects))
    return Workload("make", ["make", "-s", "-B", "-j2"], folder, 980)


WORKLOADS = {"loop": loop, "configure": configure, "make": make}
