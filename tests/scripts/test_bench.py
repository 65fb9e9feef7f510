"""Every bench runs in its short form, and what it writes can be printed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.account import LEFT_OUT, ROOT

BENCHES = {
    "lifecycle": ["--smoke"],
    "net": ["--smoke"],
    "observer": ["--smoke"],
    "redaction": ["--repeats", "1"],
    "store": ["--commands", "1000", "--repeats", "1"],
    "terminal": ["--smoke"],
}
PATIENCE_S = 240


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all benches at once, for they mostly wait, and return where they wrote."""
    where = tmp_path_factory.mktemp("measure")
    environ = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    running = {}
    for name, short in BENCHES.items():
        argv = [sys.executable, "-m", f"scripts.bench.{name}", *short, "--folder", str(where)]
        with (where / f"{name}.log").open("wb") as log:
            running[name] = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        failed = [name for name, process in running.items() if process.wait(PATIENCE_S) != 0]
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    assert [(where / f"{name}.log").read_text()[-2000:] for name in failed] == []
    return where


@pytest.mark.linux
@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_writes_machine_and_spread_of_every_row(name: str, folder: Path) -> None:
    written = json.loads((folder / f"{name}.json").read_text())
    spreads = [tuple(value) for row in written["rows"] for value in row["values"].values()]
    assert (
        written["machine"]["system"],
        len(written["rows"]) > 0,
        set(spreads),
    ) == ("Linux", True, {("n", "median", "min", "max")})


@pytest.mark.linux
@pytest.mark.slow
def test_what_benches_write_is_printed(folder: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=LEFT_OUT)
    measure = checkout / "docs" / "measure"
    measure.mkdir(exist_ok=True)
    for name in BENCHES:
        shutil.copy(folder / f"{name}.json", measure)
    subprocess.run([sys.executable, "-m", "scripts.docs"], cwd=checkout, check=True)
    page = (checkout / "docs" / "measure.md").read_text()
    missing = [
        row["measure"]
        for name in BENCHES
        for row in json.loads((folder / f"{name}.json").read_text())["rows"]
        if f"| {row['measure']} |" not in page
    ]
    assert missing == []
