-- How batches get into DuckDB: each statement behind its own `-- name:` line.
-- Words in braces are filled in by duckdb_load.py from ingest/store/tables.py; values are parameters.

-- name: boots
-- A boot's first accepted wall time labels days for good; the believed one is the newest told.
UPDATE boots SET believed_at = f.boot_at FROM (
    SELECT tenant, device, boot, arg_max(boot_at, number) AS boot_at
    FROM fed_batches GROUP BY ALL
) AS f
WHERE boots.tenant = f.tenant AND boots.device = f.device AND boots.boot = f.boot
AND boots.believed_at <> f.boot_at;
INSERT INTO boots
SELECT tenant, device, boot, arg_min(boot_at, number), arg_max(boot_at, number)
FROM fed_batches AS f
WHERE NOT EXISTS (
    FROM boots AS o WHERE o.tenant = f.tenant AND o.device = f.device AND o.boot = f.boot
)
GROUP BY tenant, device, boot;

-- name: first
-- When the boot of each batch began, as first accepted, and a hash of who sent it.
SELECT f.place_batch, o.first_at, hash(f.tenant, f.device) AS sender
FROM fed_batches AS f
JOIN boots AS o ON o.tenant = f.tenant AND o.device = f.device AND o.boot = f.boot
ORDER BY f.place_batch;

-- name: batches
INSERT INTO batches BY NAME
SELECT tenant, device, id, digest, rows, first_at, last_at, received_at, skew_ns FROM fed_batches;

-- name: fed_hashes
SELECT f.place_fed, hash({key}) AS hash FROM fed_{table} AS f;

-- name: hashes
SELECT xor(hash({key}), hash(t.tenant, t.device)) AS hash FROM {table} AS t
WHERE t.day = DATE '1970-01-01' + CAST($day AS INTEGER);

-- name: insert_fed
-- Rows that are certainly new, as they come.
INSERT INTO {table} BY NAME
SELECT
    DATE '1970-01-01' + f.day AS day, b.tenant, b.device, b.person, b.team, b.id AS batch,
    b.number AS version, {columns}
FROM fed_{table} AS f JOIN fed_batches AS b ON b.place_batch = f.place_batch
WHERE NOT f.again;

-- name: stage
CREATE OR REPLACE TEMP TABLE stage_{table} AS
SELECT
    DATE '1970-01-01' + f.day AS day, b.tenant, b.device, b.person, b.team, b.id AS batch,
    b.number AS version, f.place_fed, {columns}
FROM fed_{table} AS f JOIN fed_batches AS b ON b.place_batch = f.place_batch
WHERE f.staged;

-- name: last_telling
-- The last telling of each key within the group.
DELETE FROM stage_{table} WHERE place_fed IN (
    SELECT place_fed FROM stage_{table}
    QUALIFY row_number() OVER (
        PARTITION BY tenant, device, {key} ORDER BY version DESC, place_fed DESC
    ) > 1
);

-- name: former
-- What was told before under the keys of the group, within the days these are of.
CREATE OR REPLACE TEMP TABLE former AS
SELECT t.rowid AS former, s.place_fed, t.version > s.version AS newer
FROM {table} AS t JOIN stage_{table} AS s
ON t.tenant = s.tenant AND t.device = s.device AND {equal}
WHERE t.day BETWEEN DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND DATE '1970-01-01' + CAST($last_day AS INTEGER);

-- name: no_former
CREATE OR REPLACE TEMP TABLE former (former BIGINT, place_fed BIGINT, newer BOOLEAN);

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

-- name: news
-- Sessions whose user or shell is told for the first time, or otherwise than before.
CREATE OR REPLACE TEMP TABLE news AS
SELECT s.tenant, s.device, s.id, s."user", s.shell, s.day
FROM (FROM sessions WHERE false UNION ALL BY NAME FROM stage_sessions) AS s
LEFT JOIN former AS f ON f.place_fed = s.place_fed
LEFT JOIN (
    SELECT rowid AS place, "user", shell FROM sessions
    WHERE rowid IN (SELECT former FROM former)
) AS o ON o.place = f.former
WHERE f.newer IS NOT TRUE AND (o.place IS NULL
    OR o."user" IS DISTINCT FROM s."user" OR o.shell IS DISTINCT FROM s.shell);

-- name: news_since
SELECT count(*), coalesce(min(day) - DATE '1970-01-01', 0) FROM news;

-- name: sessions_told
UPDATE commands SET "user" = s."user", shell = s.shell FROM news AS s
WHERE s.tenant = commands.tenant AND s.device = commands.device AND s.id = commands.session
AND commands.day >= DATE '1970-01-01' + CAST($first_day AS INTEGER)
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

-- name: count
UPDATE totals SET
    commands_stored = commands_stored + $commands,
    processes_stored = processes_stored + $processes,
    batches_stored = batches_stored + $batches,
    batches_repeated = batches_repeated + $repeated,
    rows_rejected = rows_rejected + $rejected,
    journal_number = coalesce($number, journal_number),
    journal_offset = coalesce($offset, journal_offset);

-- name: totals
SELECT commands_stored, processes_stored, batches_stored, batches_repeated, rows_rejected
FROM totals;

-- name: position
SELECT journal_number, journal_offset FROM totals;
