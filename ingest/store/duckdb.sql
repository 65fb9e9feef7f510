-- What is asked of DuckDB and told to it: each statement behind its own `-- name:` line.
-- Words in braces are filled in by duckdb.py from ingest/store/tables.py; values are parameters.

-- name: known
SELECT DISTINCT tenant, device, id FROM batches WHERE id IN (SELECT unnest($ids::VARCHAR[]));

-- name: log
-- The rows are found by few columns and only then read whole: a wide TOP-N reads all of them.
WITH found AS (
    SELECT rowid AS place FROM commands
    WHERE ($tenant IS NULL OR (tenant = $tenant AND person = $person))
    AND ($since_at IS NULL OR started_at >= $since_at)
    AND ($repo IS NULL OR contains(repo, $repo)
        OR (tenant, repo) IN (SELECT tenant, repo FROM projects WHERE alias = $repo))
    AND ($cwd IS NULL OR cwd = rtrim($cwd, '/') OR starts_with(cwd, rtrim($cwd, '/') || '/'))
    AND (NOT $failed OR exit_status <> 0 OR signal IS NOT NULL)
    AND ($text IS NULL OR contains(lower(coalesce(line, shape)), lower($text)))
    ORDER BY started_at DESC NULLS LAST, id DESC
    LIMIT $limit
)
SELECT {columns} FROM commands WHERE rowid IN (SELECT place FROM found)
ORDER BY started_at DESC NULLS LAST, id DESC;

-- name: newest
SELECT tenant, device, session, id, template, shape, line, wall_ns FROM commands
WHERE ($tenant IS NULL OR (tenant = $tenant AND person = $person))
ORDER BY started_at DESC NULLS LAST, id DESC LIMIT $limit;

-- name: by_id
SELECT tenant, device, session, id FROM commands WHERE id BETWEEN $low AND $high
AND ($tenant IS NULL OR (tenant = $tenant AND person = $person)) LIMIT 100;

-- name: by_number
-- By the number alone: there is hardly another, and sessions take as long to read as it does.
SELECT tenant, device, session, id, day, wall_ns, process_count FROM commands WHERE id = $id
AND ($tenant IS NULL OR (tenant = $tenant AND person = $person));

-- name: command
SELECT * FROM commands
WHERE tenant = $tenant AND device = $device AND session = $session AND id = $id;

-- name: daemons
SELECT * FROM daemons
WHERE tenant = $tenant AND device = $device AND session = $session AND command = $id ORDER BY place;

-- name: other_reasons
SELECT * FROM other_reasons
WHERE tenant = $tenant AND device = $device AND session = $session AND command = $id ORDER BY place;

-- name: session
SELECT * FROM sessions WHERE tenant = $tenant AND device = $device AND id = $session;

-- name: places
-- Where rows are that `processes` reads: two narrow columns of days of them say that.
SELECT rowid AS place FROM processes WHERE command = $id
AND ($day IS NULL OR day BETWEEN $day::DATE - 2 AND $day::DATE + $days::INTEGER + 2);

-- name: processes
SELECT * EXCLUDE (day, person, team, batch, version) FROM processes
WHERE rowid BETWEEN $first AND $last AND command = $id;

-- name: flows
SELECT * FROM flows
WHERE tenant = $tenant AND device = $device AND session = $session AND command = $id
ORDER BY opened_at, id;

-- name: samples
SELECT * FROM samples
WHERE tenant = $tenant AND device = $device AND session = $session AND command = $id
ORDER BY "at";

-- name: losses
SELECT * FROM losses
WHERE tenant = $tenant AND device = $device
AND since <= $until_at AND ("until" IS NULL OR "until" >= $since_at)
ORDER BY since, sensor;

-- name: hosts
SELECT * FROM hosts WHERE tenant = $tenant AND device = $device
ORDER BY "at" > $until_at, abs("at" - $until_at) LIMIT 1;

-- name: caches
SELECT * FROM caches
WHERE tenant = $tenant AND device = $device AND "at" = $at ORDER BY place;

-- name: near
SELECT id FROM commands WHERE (id >> 48) IN (SELECT unnest($starts::BIGINT[]))
AND ($tenant IS NULL OR (tenant = $tenant AND person = $person));

-- name: counts
SELECT
    (SELECT count(*) FROM commands), (SELECT count(*) FROM processes),
    (SELECT count(*) FROM flows), (SELECT count(*) FROM losses),
    (SELECT coalesce(sum(missed), 0)::BIGINT FROM losses), (SELECT count(*) FROM batches),
    (SELECT min(started_at) FROM commands), (SELECT max(started_at) FROM commands);

-- name: usual
SELECT template, quantile_disc(wall_ns - coalesce(suspended_ns, 0), 0.5) AS usually_ns
FROM commands
WHERE template IN (SELECT unnest($templates::VARCHAR[]))
AND started_at >= $since_at AND wall_ns IS NOT NULL AND exit_status = 0
GROUP BY template HAVING count(*) >= 3;

-- name: asked
CREATE OR REPLACE TEMP TABLE asked AS
SELECT
    $tenant::VARCHAR AS tenant, $person::VARCHAR AS person, $since_at::BIGINT AS since_at,
    $repo::VARCHAR AS repo, DATE '1970-01-01' + CAST($since_at // 86400000000000 AS INTEGER) AS day;

-- name: gone
CREATE OR REPLACE TEMP TABLE gone AS
SELECT t.tenant, t.device, t.session, t.id FROM commands AS t, asked AS a
WHERE {owned} AND {of_repo}
AND (a.since_at IS NULL OR t.started_at IS NULL OR t.started_at >= a.since_at);

-- name: gone_commands
SELECT session, id FROM gone;

-- name: doomed
CREATE OR REPLACE TEMP TABLE doomed AS
SELECT t.rowid AS place FROM {table} AS t, asked AS a WHERE {owned} AND {itself};

-- name: doomed_with
INSERT INTO doomed
SELECT t.rowid FROM {table} AS t JOIN gone AS g
ON g.tenant = t.tenant AND g.device = t.device AND g.session = t.session AND g.id = t.{id};

-- name: delete_doomed
DELETE FROM {table} WHERE rowid IN (SELECT place FROM doomed);

-- name: forget_rollup
-- Where rows are left their deltas say exactly what goes; a day without rows goes whole.
DELETE FROM {table} AS t USING asked AS a
WHERE {owned} AND {of_repo}
AND (a.day IS NULL OR (t.{day} >= a.day - {length} AND t.{day} < coalesce(
    (SELECT max(day) FROM horizons WHERE name = '{rows}'), DATE '0001-01-01')));

-- name: empty
DELETE FROM {table};

-- name: retire
DELETE FROM {table} WHERE {day} < DATE '1970-01-01' + CAST($day AS INTEGER);

-- name: retire_batches
DELETE FROM batches WHERE received_at > 0 AND received_at < $at;

-- name: oldest
SELECT min(day) - DATE '1970-01-01' AS day FROM {table};

-- name: recent_days
SELECT DISTINCT day - DATE '1970-01-01' AS day FROM commands ORDER BY day DESC LIMIT 2;

-- name: rewrite_later
INSERT INTO chores VALUES ('rewrite');

-- name: rewrite_due
SELECT DISTINCT name FROM chores WHERE name = 'rewrite';

-- name: rewrite_done
DELETE FROM chores WHERE name = 'rewrite';

-- name: size
SELECT CAST((total_blocks - free_blocks) * block_size AS BIGINT) AS bytes
FROM pragma_database_size();
