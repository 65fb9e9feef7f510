-- What is asked of DuckDB and told to it: each statement behind its own `-- name:` line.
-- Words in braces are filled in by duckdb.py from ingest/store/tables.py; values are parameters.

-- name: known
SELECT DISTINCT id FROM batches WHERE id IN (SELECT unnest($ids::VARCHAR[]));

-- name: boots
-- A boot's first accepted wall time labels days for good; the believed one is the newest told.
UPDATE boots SET believed_at = f.boot_at FROM (
    SELECT tenant, device, boot, arg_max(boot_at, number) AS boot_at
    FROM fed_batches GROUP BY ALL
) AS f
WHERE boots.tenant = f.tenant AND boots.device = f.device AND boots.boot = f.boot;
INSERT INTO boots
SELECT tenant, device, boot, arg_min(boot_at, number), arg_max(boot_at, number)
FROM fed_batches AS f
WHERE NOT EXISTS (
    FROM boots AS o WHERE o.tenant = f.tenant AND o.device = f.device AND o.boot = f.boot
)
GROUP BY tenant, device, boot;

-- name: batches
INSERT INTO batches BY NAME
SELECT tenant, device, id, digest, rows, first_at, last_at, received_at, skew_ns FROM fed_batches;

-- name: stage
-- The last telling of each key within the group, with the day of its start since boot.
CREATE OR REPLACE TEMP TABLE stage_{table} AS
SELECT
    DATE '1970-01-01' + CAST(({moment}) // 86400000000000 AS INTEGER) AS day,
    b.tenant, b.device, b.person, b.team, b.id AS batch, b.number AS version, f.place_fed,
    {columns}
FROM fed_{table} AS f
JOIN fed_batches AS b ON b.place_batch = f.place_batch
JOIN boots AS o ON o.tenant = b.tenant AND o.device = b.device AND o.boot = b.boot
QUALIFY row_number() OVER (
    PARTITION BY b.tenant, b.device, {key} ORDER BY b.number DESC, f.place_fed DESC
) = 1;

-- name: former
-- What was told before under the keys of the group.
CREATE OR REPLACE TEMP TABLE former AS
SELECT t.rowid AS former, s.place_fed, t.version > s.version AS newer
FROM {table} AS t JOIN stage_{table} AS s
ON t.tenant = s.tenant AND t.device = s.device AND {equal};

-- name: replace
DELETE FROM stage_{table} WHERE place_fed IN (SELECT place_fed FROM former WHERE newer);
DELETE FROM {table} WHERE rowid IN (SELECT former FROM former WHERE NOT newer);

-- name: insert
INSERT INTO {table} BY NAME
SELECT * EXCLUDE (place_fed) FROM stage_{table} ORDER BY place_fed;

-- name: insert_commands
INSERT INTO commands BY NAME
SELECT s.* EXCLUDE (place_fed), u."user", u.shell
FROM stage_commands AS s
LEFT JOIN sessions AS u
ON u.tenant = s.tenant AND u.device = s.device AND u.id = s.session
ORDER BY place_fed;

-- name: sessions_told
UPDATE commands SET "user" = s."user", shell = s.shell FROM sessions AS s
WHERE s.tenant = commands.tenant AND s.device = commands.device AND s.id = commands.session
AND s.id IN (SELECT id FROM stage_sessions)
AND (commands."user" IS DISTINCT FROM s."user" OR commands.shell IS DISTINCT FROM s.shell);

-- name: children
DELETE FROM {table} AS t USING stage_{parent} AS p
WHERE t.tenant = p.tenant AND t.device = p.device AND {equal};

-- name: insert_children
INSERT INTO {table} BY NAME
SELECT p.day, p.tenant, p.device, p.person, p.team, p.batch, p.version, {columns}
FROM fed_{table} AS f
JOIN fed_batches AS b ON b.place_batch = f.place_batch
JOIN stage_{parent} AS p
ON p.tenant = b.tenant AND p.device = b.device AND p.batch = b.id AND {equal}
ORDER BY f.place_fed;

-- name: log
-- The rows are found by few columns and only then read whole: a wide TOP-N reads all of them.
WITH found AS (
    SELECT rowid AS place FROM commands
    WHERE ($since_at IS NULL OR started_at >= $since_at)
    AND ($repo IS NULL OR contains(repo, $repo)
        OR repo IN (SELECT repo FROM projects WHERE alias = $repo))
    AND ($cwd IS NULL OR cwd = rtrim($cwd, '/') OR starts_with(cwd, rtrim($cwd, '/') || '/'))
    AND (NOT $failed OR exit_status <> 0 OR signal IS NOT NULL)
    AND ($text IS NULL OR contains(lower(coalesce(line, shape)), lower($text)))
    ORDER BY started_at DESC NULLS LAST, id DESC
    LIMIT $limit
)
SELECT {columns} FROM commands WHERE rowid IN (SELECT place FROM found)
ORDER BY started_at DESC NULLS LAST, id DESC;

-- name: newest
SELECT session, id, template, shape, line, wall_ns FROM commands
ORDER BY started_at DESC NULLS LAST, id DESC LIMIT $limit;

-- name: by_id
SELECT session, id FROM commands WHERE id BETWEEN $low AND $high LIMIT 100;

-- name: command
SELECT * FROM commands WHERE session = $session AND id = $id;

-- name: daemons
SELECT * FROM daemons WHERE session = $session AND command = $id ORDER BY place;

-- name: other_reasons
SELECT * FROM other_reasons WHERE session = $session AND command = $id ORDER BY place;

-- name: session
SELECT * FROM sessions WHERE id = $session;

-- name: processes
SELECT * FROM processes
WHERE session = $session AND command = $id
AND ($day IS NULL OR day BETWEEN $day::DATE - 2 AND $until_day::DATE + 2)
ORDER BY start_ticks, pid;

-- name: days
SELECT
    day, day + CAST(coalesce(wall_ns, 86400000000000) // 86400000000000 AS INTEGER) AS until_day,
    process_count
FROM commands WHERE session = $session AND id = $id;

-- name: flows
SELECT * FROM flows WHERE session = $session AND command = $id ORDER BY opened_at, id;

-- name: samples
SELECT * FROM samples WHERE session = $session AND command = $id ORDER BY "at";

-- name: losses
SELECT * FROM losses WHERE since <= $until_at AND ("until" IS NULL OR "until" >= $since_at)
ORDER BY since, sensor;

-- name: hosts
SELECT * FROM hosts ORDER BY "at" > $until_at, abs("at" - $until_at) LIMIT 1;

-- name: caches
SELECT * FROM caches WHERE device = $device AND "at" = $at ORDER BY place;

-- name: near
SELECT id FROM commands WHERE (id >> 48) IN (SELECT unnest($starts::BIGINT[]));

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

-- name: gone
CREATE OR REPLACE TEMP TABLE gone AS
SELECT session, id FROM commands
WHERE ($since_at IS NULL OR started_at IS NULL OR started_at >= $since_at)
AND ($repo IS NULL OR contains(repo, $repo)
    OR repo IN (SELECT repo FROM projects WHERE alias = $repo));

-- name: gone_commands
SELECT session, id FROM gone;

-- name: forget_with
DELETE FROM {table} WHERE (session, {id}) IN (SELECT session, id FROM gone);

-- name: forget_commits
DELETE FROM commits
WHERE (contains(repo, $repo) OR repo IN (SELECT repo FROM projects WHERE alias = $repo))
AND ($since_at IS NULL OR "at" IS NULL OR "at" >= $since_at);

-- name: forget_projects
DELETE FROM projects WHERE alias = $repo OR contains(repo, $repo)
OR repo IN (SELECT repo FROM projects WHERE alias = $repo);

-- name: forget_since
DELETE FROM {table} WHERE {moment} IS NULL OR {moment} >= $since_at;

-- name: empty
DELETE FROM {table};

-- name: retire
DELETE FROM {table} WHERE day < DATE '1970-01-01' + CAST($day AS INTEGER);

-- name: oldest
SELECT min(day) - DATE '1970-01-01' AS day FROM {table};

-- name: recent_days
SELECT DISTINCT day - DATE '1970-01-01' AS day FROM commands ORDER BY day DESC LIMIT 2;

-- name: size
SELECT CAST((total_blocks - free_blocks) * block_size AS BIGINT) AS bytes
FROM pragma_database_size();
