"""What made-up developers type, most frequent first, and what it does to a machine.

How often each is typed falls as 1/rank (Zipf), which is how shell histories look. Lengths are
lognormal around a median; a tree's size is geometric around its mean.
"""

from typing import NamedTuple


class Habit(NamedTuple):
    """One command line: what it is called, how long it takes, whom it starts, what it fetches."""

    line: str
    template: str
    category: str
    median_ms: int
    processes: int = 1
    programs: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    failures_permille: int = 20
    spread: float = 0.9

    @property
    def program(self) -> str:
        """The name of the first process."""
        return self.line.partition(" ")[0]


_CC = ("sh", "cc", "cc1", "as", "ld")
_NODE = ("node", "sh", "node")
_PYTHON = ("python.org", "www.python.org")
_JAVASCRIPT = ("nodejs.org",)

HABITS = (
    Habit("git status --short", "git status", "vcs", 18, 1),
    Habit("ls -la src", "ls", "fs", 4),
    Habit("git diff HEAD~1", "git diff", "vcs", 40, 2, ("less",)),
    Habit("pytest -x -k parser", "pytest <target>", "test", 6_500, 9, ("python3",), (), 260, 1.2),
    Habit("make test", "make test", "test", 14_000, 45, _CC, (), 220, 1.1),
    Habit("git commit -m 'say why'", "git commit", "vcs", 900, 6, ("git", "sh"), (), 60),
    Habit("npm run build", "npm run build", "build", 11_000, 22, _NODE, (), 110),
    Habit("cat notes-for-ada.txt", "cat", "fs", 3),
    Habit("cargo build --release", "cargo build", "build", 24_000, 60, ("rustc", "cc", "ld")),
    Habit("git push origin topic-7", "git push", "vcs", 1_900, 4, ("ssh", "git"), ("github.com",)),
    Habit("grep -rn TODO src", "grep", "other", 60, 1, (), (), 300),
    Habit("make -j8 all", "make all", "build", 31_000, 120, _CC, (), 120, 1.3),
    Habit("ruff check .", "ruff check", "lint", 90, 1, (), (), 200, 0.5),
    Habit("docker compose up -d", "docker compose up", "container", 7_000, 3, ("docker",)),
    Habit("git pull --rebase", "git pull", "vcs", 1_600, 7, ("git", "ssh"), ("github.com",)),
    Habit("mypy --strict app", "mypy", "lint", 9_000, 2, ("python3",), (), 280),
    Habit("npm test", "npm test", "test", 13_000, 26, _NODE, (), 240, 1.1),
    Habit("vim src/engine.py", "vim", "interactive", 95_000, 2, ("sh",), (), 2, 1.4),
    Habit("go test ./...", "go test", "test", 12_000, 34, ("compile", "link"), (), 190),
    Habit("cargo test", "cargo test", "test", 19_000, 40, ("rustc", "ld"), (), 200),
    Habit("kubectl get pods -n web", "kubectl get", "infra", 700, 1, (), ("kube.corp.example",)),
    Habit("pip install -e .", "pip install", "install", 9_500, 14, ("python3",), _PYTHON, 40),
    Habit("curl -s https://api.corp.example/x", "curl", "net", 350, 1, (), ("api.corp.example",)),
    Habit("npm install", "npm install", "install", 22_000, 18, _NODE, _JAVASCRIPT, 30, 1.0),
    Habit("eslint src --fix", "eslint", "lint", 6_000, 2, ("node",), (), 250),
    Habit(
        "docker build -t web .", "docker build", "container", 48_000, 5, ("docker",), ("docker.io",)
    ),
    Habit("tsc --noEmit", "tsc", "build", 8_000, 1, ("node",), (), 230),
    Habit("go build ./...", "go build", "build", 6_000, 25, ("compile", "link")),
    Habit(
        "terraform plan",
        "terraform plan",
        "infra",
        16_000,
        4,
        ("terraform",),
        ("api.corp.example",),
    ),
    Habit("uv sync", "uv sync", "install", 3_000, 2, ("uv",), _PYTHON, 20),
    Habit("./tools/release-helper --stage", "<prog>", "other", 2_500, 3, ("sh",)),
    Habit("gradle build", "gradle build", "build", 41_000, 4, ("java",), (), 150, 1.0),
)

REPOSITORIES = (
    "github.com/acme/engine",
    "github.com/acme/web",
    "gitlab.corp.example/platform/infra",
    "github.com/acme/mobile",
    "gitlab.corp.example/data/pipelines",
)
SHELLS = ("zsh", "bash", "fish")
BRANCHES = ("main", "topic-7", "fix/ada-4711", "develop")
