-- How batches get into DuckDB: each statement behind its own `-- name:` line.
-- Words in braces are filled in by duckdb_load.py from ingest/store/tables.py; values are parameters.

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
SELECT {place} AS place_table, f.place_fed, hash({key}) AS hash FROM key_{table} AS f

-- name: hashes
SELECT xor(hash({key}), hash(t.tenant, t.device)) AS hash FROM {table} AS t
WHERE $day IS NULL OR t.day = DATE '1970-01-01' + CAST($day AS INTEGER);

-- name: staged
-- The last telling of each key within the group.
SELECT
    DATE '1970-01-01' + f.day AS day, b.tenant, b.device, b.person, b.team, b.id AS batch,
    b.number AS version, f.place_fed, {columns}
FROM fed_{table} AS f JOIN fed_batches AS b ON b.place_batch = f.place_batch
WHERE f.kept

-- name: stage
-- What rollups read of the rows that are about to be inserted.
CREATE OR REPLACE TEMP TABLE stage_{table} AS {staged};

-- name: former
-- What was told before under the keys of the group, within the days these are of.
SELECT t.rowid AS former, s.place_fed, t.version > b.number AS newer, {more}
FROM {table} AS t
JOIN told_{table} AS s ON {equal}
JOIN fed_batches AS b
ON b.place_batch = s.place_batch AND b.tenant = t.tenant AND b.device = t.device
WHERE t.day BETWEEN DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND DATE '1970-01-01' + CAST($last_day AS INTEGER);

-- name: remove
DELETE FROM {table} WHERE rowid IN (SELECT former FROM former WHERE NOT newer);

-- name: insert
INSERT INTO {table} BY NAME SELECT * EXCLUDE (place_fed) FROM ({staged});

-- name: insert_commands
INSERT INTO commands BY NAME
SELECT s.* EXCLUDE (place_fed), u."user", u.shell
FROM ({staged}) AS s
LEFT JOIN sessions AS u
ON u.tenant = s.tenant AND u.device = s.device AND u.id = s.session;

-- name: sessions_told
-- Sessions whose user or shell was not told when their commands were inserted.
UPDATE commands SET "user" = s."user", shell = s.shell FROM (
    SELECT b.tenant, b.device, n.id, CAST(n."user" AS VARCHAR) AS "user",
        CAST(n.shell AS VARCHAR) AS shell
    FROM news AS n JOIN fed_batches AS b ON b.place_batch = n.place_batch
) AS s
WHERE s.tenant = commands.tenant AND s.device = commands.device AND s.id = commands.session
AND commands.day >= DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND (commands."user" IS DISTINCT FROM s."user" OR commands.shell IS DISTINCT FROM s.shell);

-- name: children
-- The lists of the facts that are replaced.
DELETE FROM {table} AS t USING (
    SELECT b.tenant, b.device, s.* FROM told_{parent} AS s
    JOIN fed_batches AS b ON b.place_batch = s.place_batch
    WHERE s.place_fed IN (SELECT place_fed FROM former WHERE NOT newer)
) AS p
WHERE t.tenant = p.tenant AND t.device = p.device AND {equal}
AND t.day BETWEEN DATE '1970-01-01' + CAST($first_day AS INTEGER)
AND DATE '1970-01-01' + CAST($last_day AS INTEGER);

-- name: insert_children
INSERT INTO {table} BY NAME
SELECT
    DATE '1970-01-01' + p.day AS day, b.tenant, b.device, b.person, b.team, b.id AS batch,
    b.number AS version, {columns}
FROM fed_{table} AS f
JOIN parent_{parent} AS p ON p.place_batch = f.place_batch AND {equal}
JOIN fed_batches AS b ON b.place_batch = f.place_batch;

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
