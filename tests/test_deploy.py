"""What docs/deploy.md hands out: a unit, container files, a cluster, a backup that restores."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree as Xml

import msgspec
import pytest

from ingest.config import ServerConfig
from ingest.store import clickhouse_schema
from scripts.deploy import replicated

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "scripts" / "deploy"
PAGE = (ROOT / "docs" / "deploy.md").read_text()


def tree(name: str) -> Xml.Element:
    """What an XML file of ours holds."""
    return Xml.parse(DEPLOY / "clickhouse" / name).getroot()  # noqa: S314 - it is ours


@pytest.mark.linux
@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd-analyze: install the package systemd",
)
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "ptywrap-ingest.service"
    text = (DEPLOY / unit.name).read_text()
    # The program must be there for the check; where it is installed is the administrator's.
    unit.write_text(text.replace("/opt/ptywrap/bin/ptywrap-ingest", "/bin/true"))
    argv = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, complaints) == (0, [])


@pytest.mark.parametrize("name", ["compose.yaml", "clickhouse/compose.yaml"])
def test_a_compose_file_mounts_only_what_is_there(name: str) -> None:
    path = DEPLOY / name
    mounted = re.findall(r"- (\./[^:]+):", path.read_text())
    assert [one for one in mounted if not (path.parent / one).exists()] == []


@pytest.mark.parametrize("name", ["cluster.xml", "keeper.xml", "users.xml"])
def test_what_clickhouse_is_told_is_well_formed(name: str) -> None:
    assert tree(name).tag == "clickhouse"


def test_the_cluster_has_two_shards_of_two_replicas() -> None:
    shards = [
        [str(host.text) for host in shard.iter("host")]
        for shard in tree("cluster.xml").iter("shard")
        if len(shard)
    ]
    assert shards == [["shard-1-a", "shard-1-b"], ["shard-2-a", "shard-2-b"]]


def test_every_server_of_the_cluster_is_started_and_reached() -> None:
    named = {str(host.text) for host in tree("cluster.xml").iter("host")}
    started = (DEPLOY / "clickhouse" / "compose.yaml").read_text()
    reached = (DEPLOY / "clickhouse" / "haproxy.cfg").read_text()
    assert [name for name in sorted(named) if f"\n  {name}:\n" not in started] == []
    shards = {name for name in named if name.startswith("shard")}
    assert set(re.findall(r" (shard-\d-\w):8123", reached)) == shards


def test_every_table_is_made_replicated() -> None:
    made = list(replicated.statements("ptywrap", "ptywrap"))[1:]
    tables = [re.findall(r"`ptywrap`\.`(\w+)` ON CLUSTER", one) for one in made]
    assert tables == [[table] for table in clickhouse_schema.SKETCHES]
    assert [one for one in made if "ReplicatedReplacingMergeTree('/clickhouse" not in one] == []


def test_no_two_tables_share_a_place_in_the_keeper() -> None:
    made = list(replicated.statements("ptywrap", "ptywrap"))[1:]
    places = [re.findall(r"'(/clickhouse/[^']+)'", one)[0] for one in made]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_page_shows_settings_that_there_are(block: str) -> None:
    assert msgspec.convert(tomllib.loads(block), ServerConfig) != ServerConfig()


def test_the_page_names_every_file_it_hands_out() -> None:
    handed = [path.name for path in DEPLOY.iterdir() if path.is_file() and path.suffix != ".py"]
    assert [name for name in handed if name not in PAGE] == []


PLACES = {
    *[
        "backup",
        "dev",
        "etc",
        "lib",
        "opt",
        "proc",
        "ptywrap-data",
        "run",
        "srv",
        "sys",
        "tmp",
        "usr",
        "v1",
        "var",
    ]
}
"""Where a server keeps its files, and the service's own path; others would be of one machine."""


def test_the_page_names_no_place_of_ours() -> None:
    places = set(re.findall(r"(?<![\w.:/}>*<-])/([a-z][a-z0-9_-]*)/", PAGE))
    assert (places - PLACES, re.findall(r"\.venv-|:\d+/simple", PAGE)) == (set(), [])
