"""Repository, branch and commit, read from .git as git wrote it, or as it never would."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptywrap.observe.checkout import checkout, plain

COMMIT = "c0ffee00" * 5


def git(folder: Path, *arguments: str) -> str:
    """Run git without the configuration of whoever runs the tests."""
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    done = subprocess.run(
        ["git", "-C", folder, *arguments], check=True, env=environ, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with one commit on a branch."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "topic/one")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


def test_branch_and_commit_are_those_git_says(repository: Path) -> None:
    found = checkout(str(repository))
    assert found is not None
    assert (found.branch, found.commit) == ("topic/one", git(repository, "rev-parse", "HEAD"))


def test_a_folder_below_belongs_to_the_checkout(repository: Path) -> None:
    (repository / "a/b").mkdir(parents=True)
    found = checkout(str(repository / "a/b"))
    assert found is not None
    assert found.root == str(repository)


def test_packed_references_are_read(repository: Path) -> None:
    git(repository, "pack-refs", "--all")
    found = checkout(str(repository))
    assert found is not None
    assert found.commit == git(repository, "rev-parse", "HEAD")


def test_a_detached_head_has_a_commit_and_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    found = checkout(str(repository))
    assert found is not None
    assert (found.branch, found.commit) == (None, git(repository, "rev-parse", "HEAD"))


def test_a_branch_without_a_commit_has_a_name_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "empty")
    found = checkout(str(tmp_path))
    assert found is not None
    assert (found.branch, found.commit) == ("empty", None)


def test_a_linked_work_tree_is_of_its_repository(repository: Path, tmp_path: Path) -> None:
    git(repository, "remote", "add", "origin", "https://example.org/a/b.git")
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    found = checkout(str(tmp_path / "linked"))
    assert found is not None
    assert (found.repo, found.branch, found.commit) == (
        "example.org/a/b",
        "other",
        git(repository, "rev-parse", "HEAD"),
    )


def test_a_submodule_is_of_its_own_repository(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    allow = ("-c", "protocol.file.allow=always")
    git(outer, *allow, "submodule", "add", "-q", str(repository), "inner")
    found = checkout(str(outer / "inner"))
    assert found is not None
    assert (found.root, found.branch) == (str(outer / "inner"), "topic/one")


def test_upstream_goes_before_origin_and_both_before_others(repository: Path) -> None:
    for name in ("fork", "origin", "upstream"):
        git(repository, "remote", "add", name, f"https://example.org/{name}/b.git")
    found = checkout(str(repository))
    assert found is not None
    assert found.repo == "example.org/upstream/b"
    assert found.aliases == ("example.org/upstream/b", "example.org/origin/b", "example.org/fork/b")


def test_without_a_remote_a_repository_is_its_root(repository: Path) -> None:
    found = checkout(str(repository))
    assert found is not None
    assert (found.repo, found.aliases) == (str(repository), ())


def test_outside_of_any_there_is_none(tmp_path: Path) -> None:
    assert checkout(str(tmp_path)) is None


def test_a_folder_that_is_gone_has_the_checkout_above_it(repository: Path) -> None:
    found = checkout(str(repository / "gone/deeper"))
    assert found is not None
    assert found.root == str(repository)


def test_nothing_is_run_whatever_the_configuration_names(repository: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    hook = f"!touch {canary}"
    for name in ("core.fsmonitor", "core.sshCommand", "filter.x.clean", "alias.status"):
        git(repository, "config", name, hook)
    checkout(str(repository))
    assert not canary.exists()


def test_a_reference_that_leads_outside_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / ".git"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_text(COMMIT)
    (folder / "HEAD").write_text("ref: refs/heads/../../../../secret\n")
    found = checkout(str(tmp_path / "a"))
    assert found is not None
    assert (found.branch, found.commit) == (None, None)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.org/a/b.git", "example.org/a/b"),
        ("https://example.org:8443/a/b", "example.org/a/b"),
        ("ssh://git@example.org:22/a/b.git", "example.org/a/b"),
        ("git@example.org:a/b.git", "example.org/a/b"),
        ("example.org:a/b", "example.org/a/b"),
        ("[::1]:a/b.git", "[::1]/a/b"),
        ("/srv/git/b.git", "/srv/git/b"),
        ("../b.git", "../b"),
        ("file:///srv/git/b.git", "/srv/git/b"),
        ("https://example.org/a/b.git?x=1", "example.org/a/b"),
    ],
)
def test_a_remote_is_written_one_way(url: str, expected: str) -> None:
    assert plain(url) == expected


secrets = st.text("abc:@/%!?#.-_ 0123456789", min_size=4, max_size=20).map(lambda s: f"q{s}z")


@given(st.sampled_from(["https", "ssh", "git+ssh"]), secrets)
def test_no_user_or_password_stays_in_a_remote(scheme: str, secret: str) -> None:
    assert plain(f"{scheme}://user:{secret}@example.org/a/b.git") == "example.org/a/b"


@given(st.binary(max_size=400), st.binary(max_size=200))
def test_no_bytes_in_a_repository_break_it(config: bytes, head: bytes) -> None:
    import tempfile  # noqa: PLC0415 - one folder an example, not one a test

    with tempfile.TemporaryDirectory() as folder:
        git_folder = Path(folder) / ".git"
        git_folder.mkdir()
        (git_folder / "config").write_bytes(config)
        (git_folder / "HEAD").write_bytes(head)
        found = checkout(folder)
    assert found is not None
    assert found.root == folder
