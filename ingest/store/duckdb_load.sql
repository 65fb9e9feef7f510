-- How batches get into DuckDB: each statement behind its own `-- name:` line.
-- Words in braces are filled in by duckdb_load.py from ingest/store/tables.py; values are parameters.

-- name: boots
SELECT DISTINCT o.tenant, o.device, o.boot, o.first_at, o.believed_at
FROM boots AS o
JOIN fed_batches AS f ON f.tenant = o.tenant AND f.device = o.device AND f.boot = o.boot;

-- name: new_boots
-- A boot's first accepted wall time labels days for good; the believed one is the newest told.
INSERT INTO boots SELECT tenant, device, boot, first_at, believed_at FROM told_boots;

-- name: moved_boots
UPDATE boots SET believed_at = f.believed_at FROM told_boots AS f
WHERE boots.tenant = f.tenant AND boots.device = f.device AND boots.boot = f.boot;

-- name: batches
INSERT INTO batches BY NAME
SELECT tenant, device, id, digest, rows, first_at, last_at, received_at, skew_ns FROM fed_batches;

-- name: fed_hashes
SELECT {place} AS place_table, f.place_fed, hash({key}) AS hash FROM key_{table} AS f

-- name: senders
SELECT -1 AS place_table, place_batch AS place_fed, hash(tenant, device) AS hash FROM fed_batches

-- name: hashes
SELECT xor(hash({key}), hash(t.tenant, t.device)) AS hash FROM {table} AS t
WHERE $day IS NULL OR t.day = DATE '1970-01-01' + CAST($day AS INTEGER);

-- name: former
-- What was told before under the keys of the group, within the days these are of.
SELECT t.rowid AS former, s.place_fed, t.version > s.version AS newer, {more}
FROM {table} AS t
JOIN told_{table} AS s ON t.tenant = s.tenant AND t.device = s.device AND {equal}
WHERE t.day BETWEEN DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND DATE '1970-01-01' + CAST($last_day AS INTEGER);

-- name: remove
DELETE FROM {table} WHERE rowid IN (SELECT former FROM former WHERE NOT newer);

-- name: insert
INSERT INTO {table} (day, tenant, device, person, team, batch, version, {names})
SELECT
    f.day, f.tenant, f.device, f.person, f.team, f.batch, f.version, {columns}
FROM fed_{table} AS f;

-- name: insert_commands
INSERT INTO commands (
    day, tenant, device, person, team, batch, version, "user", shell, {names}
)
SELECT
    f.day, f.tenant, f.device, f.person, f.team, f.batch, f.version,
    u."user", u.shell, {columns}
FROM fed_commands AS f
LEFT JOIN sessions AS u ON u.tenant = f.tenant AND u.device = f.device AND u.id = f.session;

-- name: sessions_told
-- Sessions whose user or shell was not told when their commands were inserted.
UPDATE commands SET "user" = s."user", shell = s.shell FROM (
    SELECT tenant, device, id, CAST("user" AS VARCHAR) AS "user", CAST(shell AS VARCHAR) AS shell
    FROM news
) AS s
WHERE s.tenant = commands.tenant AND s.device = commands.device AND s.id = commands.session
AND commands.day >= DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND (commands."user" IS DISTINCT FROM s."user" OR commands.shell IS DISTINCT FROM s.shell);

-- name: children
-- The lists of the facts that are replaced.
DELETE FROM {table} AS t USING (
    FROM told_{parent} WHERE place_fed IN (SELECT place_fed FROM former WHERE NOT newer)
) AS p
WHERE t.tenant = p.tenant AND t.device = p.device AND {equal}
AND t.day BETWEEN DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND DATE '1970-01-01' + CAST($last_day AS INTEGER);

-- name: insert_children
INSERT INTO {table} (day, tenant, device, person, team, batch, version, {names})
SELECT
    p.day, p.tenant, p.device, p.person, p.team, p.batch, p.version, {columns}
FROM fed_{table} AS f JOIN parent_{parent} AS p ON p.place_batch = f.place_batch AND {equal};

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
