"""Made-up months of a service's store, written by DuckDB itself: millions of rows in a minute.

Rows come as devices send them: batches of one device and session, in the order of time. Numbers
are drawn by hashing the row's, so the same sizes give the same rows.
"""

import time
from pathlib import Path
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from ingest.store import duckdb_roll
from ingest.store.duckdb_file import open_file

TENANT = "t" * 32
DAYS = 30
BATCH_COMMANDS = 48
SESSION_COMMANDS = 144
PROCESSES = 20
# A person uses so many templates, a few of them those that everybody uses most; Zipf's law.
_WORDS = 60
_SHARED = 8
_REPOS = 40
DAY_NS = 86_400_000_000_000
_CHUNK = 1_000_000
_OF_DAY = "(SELECT * FROM commands WHERE day = {day})"
_BLOCKS = "SELECT count(DISTINCT block_id) FROM pragma_storage_info('{table}') WHERE block_id >= 0"
_MEMORY_BYTES = 4 << 30


class Size(NamedTuple):
    """How much is made up: `people` have a device each."""

    commands: int
    processes: bool
    people: int = 200
    templates: int = 500


# A number in 0 to 1 from the row `i`, another for each `salt`; and a length around a median.
_EVEN = "((hash(i * 64 + {salt}) % 1000003) + 0.5) / 1000003"
_LENGTH = (
    "CAST({median} * exp({spread} * sqrt(-2 * ln({first})) * cos(2 * pi() * {second})) AS BIGINT)"
)

# A template takes 10 ms to 100 s, most runs of it within a factor of two.
_MEDIAN_NS = "pow(10, 7 + hash(t) % 1000 / 250)"

_COMMANDS = """
CREATE OR REPLACE TEMP TABLE made AS
WITH drawn AS (
    SELECT
        i, i // {batch_commands} AS b, i // {session_commands} AS s,
        CAST(pow({words}, {even_1}) AS INTEGER) - 1 AS word
    FROM range({first}, {last}) AS r(i)
), named AS (
    SELECT *, CASE WHEN word < {shared} THEN word
        ELSE CAST(hash(s % {people} * 1000 + word) % {templates} AS INTEGER) END AS t
    FROM drawn
)
SELECT
    i, b, s, t, {first_at} + CAST(i * {step_ns}::DOUBLE AS BIGINT) AS started_at,
    {wall} AS wall_ns, {cpu_share} AS share
FROM named;
INSERT INTO commands BY NAME
SELECT
    DATE '1970-01-01' + CAST(started_at // {day_ns} AS INTEGER) AS day,
    '{tenant}' AS tenant, md5('d' || s % {people}) AS device, 'p' || s % {people} AS person,
    'team ' || s % {people} % 12 AS team, lpad(b::VARCHAR, 12, '0') || '-bench' AS batch,
    b AS version, unhex(md5('s' || s)) AS session,
    CAST(hash(i, 1) % 9223372036854775807 AS BIGINT) AS id, started_at,
    'tool' || t % 60 || ' sub' || t || ' …' AS shape, 'tool' || t % 60 || ' sub' || t AS template,
    'tool' || t % 60 AS program, 'category ' || t % 9 AS category,
    md5('r' || s // 2 % {repos}) AS repo, md5('r' || s // 2 % {repos}) AS repo_name,
    'main' AS branch,
    md5('c' || i // 40) AS "commit", 'human' AS actor, 'bash' AS shell, s % 30000 AS shell_pid,
    wall_ns, 0 AS suspended_ns, CASE WHEN {even_4} < 0.08 THEN 1 ELSE 0 END AS exit_status,
    CAST(wall_ns * share AS BIGINT) AS cpu_user_ns,
    CAST(wall_ns * share / 8 AS BIGINT) AS cpu_sys_ns,
    CAST({even_5} * 400000 AS BIGINT) * 4096 AS peak_rss_bytes, 0 AS read_bytes,
    CAST({even_6} * 9000 AS BIGINT) * 4096 AS write_bytes, 0 AS received_bytes, 0 AS sent_bytes,
    0 AS connections, {processes} AS process_count, 'exact' AS completeness,
    CAST(wall_ns * share AS BIGINT) AS cpu_ns, 0 AS runqueue_ns,
    CAST(wall_ns * (1 - share) AS BIGINT) AS disk_ns, 0 AS network_ns, 0 AS input_ns, 0 AS lock_ns,
    wall_ns - CAST(wall_ns * share AS BIGINT) - CAST(wall_ns * (1 - share) AS BIGINT) AS other_ns,
    CAST(wall_ns * 0.9 AS BIGINT) AS wait_ns, 400000 AS prompt_ns
FROM made ORDER BY i;
"""
_PROCESSES = """
INSERT INTO processes BY NAME
SELECT
    DATE '1970-01-01' + CAST(m.started_at // {day_ns} AS INTEGER) AS day,
    '{tenant}' AS tenant, md5('d' || s % {people}) AS device, 'p' || s % {people} AS person,
    'team ' || s % {people} % 12 AS team, lpad(b::VARCHAR, 12, '0') || '-bench' AS batch,
    b AS version, unhex(md5('s' || s)) AS session,
    (m.i * {processes} + k) % 4194304 AS pid, m.started_at // 10000000 + k AS start_ticks,
    CASE WHEN k = 0 THEN s % 30000 ELSE (m.i * {processes}) % 4194304 END AS ppid,
    m.started_at // 10000000 - CASE WHEN k = 0 THEN 400 ELSE 0 END AS parent_ticks,
    CAST(hash(m.i, 1) % 9223372036854775807 AS BIGINT) AS command,
    m.started_at + k * 10000000 AS started_at,
    'tool' || CAST(pow(60, {even_7}) AS INTEGER) AS name,
    m.wall_ns // 1000 // (k + 1) AS wall_us, CASE WHEN {even_8} < 0.03 THEN 1 ELSE 0 END
    AS exit_status, CAST(m.wall_ns // 1000 // (k + 1) * {even_9} AS BIGINT) AS cpu_user_us,
    CAST(m.wall_ns // 9000 // (k + 1) * {even_10} AS BIGINT) AS cpu_sys_us,
    CAST({even_11} * 40000 AS BIGINT) * 4096 AS peak_rss_bytes, 0 AS read_bytes,
    CAST({even_12} * 90 AS BIGINT) * 4096 AS write_bytes, 'proc_connector' AS source,
    'exact' AS completeness
FROM (SELECT *, i * {processes} + k AS j FROM made, range({processes}) AS r(k)) AS m
ORDER BY m.i, k;
"""


def template(number: int) -> str:
    """Return one of the templates that every size has."""
    return f"tool{number % _WORDS} sub{number % _WORDS}"


def fill(path: Path, size: Size, last_day: int) -> float:
    """Write a store of rows and rollups that ends with a day; return the seconds it took."""
    before = time.monotonic()
    with open_file(path, _MEMORY_BYTES).connection as connection:
        for first in range(0, size.commands, _CHUNK):
            last = min(first + _CHUNK, size.commands)
            words = _words(size, last_day, first, last)
            connection.execute("BEGIN")
            connection.execute(_filled(_COMMANDS, words, "i"))
            if size.processes:
                connection.execute(_filled(_PROCESSES, words, "j"))
            connection.execute("COMMIT")
            connection.execute("CHECKPOINT")
        _roll(connection, last_day)
        connection.execute("CHECKPOINT")
    return time.monotonic() - before


def sizes(path: Path) -> dict[str, tuple[int, int]]:
    """Return the rows of each table that has any, and the bytes of the blocks that hold them."""
    with open_file(path, _MEMORY_BYTES).connection as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal")
        out = {}
        for (name,) in names.fetchall():
            count = f'SELECT count(*) FROM "{name}"'  # noqa: S608 - a table of ours
            rows = connection.execute(count).fetchone()
            held = _BLOCKS.replace("{table}", name)
            blocks = connection.execute(held).fetchone()
            if rows and rows[0] and blocks:
                out[name] = (int(rows[0]), int(blocks[0]) * (256 << 10))
    return out


def _roll(connection: DuckDBPyConnection, last_day: int) -> None:
    """Append the deltas of each day as loading does, then fold as the store process does."""
    for day in range(last_day - DAYS + 1, last_day + 1):
        connection.execute("BEGIN")
        rows = _OF_DAY.replace("{day}", duckdb_roll.date(day))
        duckdb_roll.roll(connection, "commands", rows, 1)
        connection.execute("COMMIT")
    connection.execute("BEGIN")
    duckdb_roll.fold(connection, (last_day + 1) * DAY_NS)
    connection.execute("COMMIT")


def _words(size: Size, last_day: int, first: int, last: int) -> dict[str, str]:
    words = {
        "first": first,
        "last": last,
        "first_at": (last_day - DAYS + 1) * DAY_NS,
        "step_ns": DAYS * DAY_NS / size.commands,
        "day_ns": DAY_NS,
        "tenant": TENANT,
        "people": size.people,
        "templates": size.templates,
        "words": _WORDS,
        "shared": _SHARED,
        "repos": _REPOS,
        "processes": PROCESSES,
        "batch_commands": BATCH_COMMANDS,
        "session_commands": SESSION_COMMANDS,
    }
    return {name: str(value) for name, value in words.items()}


def _filled(text: str, words: dict[str, str], number: str) -> str:
    """Fill in words and draws; `number` names the row."""
    draws = {f"even_{salt}": _EVEN.replace("{salt}", str(salt)) for salt in range(1, 13)}
    wall = _LENGTH.replace("{median}", _MEDIAN_NS).replace("{spread}", "0.6")
    wall = wall.replace("{first}", draws["even_2"]).replace("{second}", draws["even_3"])
    out = text.replace("{wall}", wall).replace("{cpu_share}", _EVEN.replace("{salt}", "13"))
    for name, value in draws.items():
        out = out.replace("{" + name + "}", value)
    out = out.replace("hash(i * 64", f"hash({number} * 64")
    for name, value in words.items():
        out = out.replace("{" + name + "}", value)
    return out
