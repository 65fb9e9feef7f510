-- What is asked of ClickHouse and told to it: each statement behind its own `-- name:` line.
-- Words in braces are filled in from names of ours, values behind $ are quoted by `literal`. All of
-- it runs on 18.16 and on modern versions: no CTE, no window, no FILTER, no typed parameter.

-- name: create
CREATE TABLE IF NOT EXISTS `{table}` ({columns}) ENGINE = ReplacingMergeTree(version)
{partition} ORDER BY ({key})

-- name: synced
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1

-- name: grow
ALTER TABLE `{table}` ADD COLUMN `{column}` {type}

-- name: databases
SELECT name FROM system.databases WHERE name = $name

-- name: columns
SELECT table, name FROM system.columns WHERE database = $database

-- name: about
SELECT schema FROM about FINAL

-- name: tell_schema
INSERT INTO about (name, schema, version) VALUES ($name, $schema, $schema)

-- name: marked
SELECT DISTINCT tenant, device, id FROM batches WHERE (tenant, device, id) IN $keys

-- name: known
SELECT DISTINCT id FROM batches WHERE id IN $ids

-- name: arrived
SELECT DISTINCT tenant, device, `{batch}` AS batch FROM `{table}`
WHERE day BETWEEN toDate($first) AND toDate($last) AND (tenant, device, `{batch}`) IN $marks

-- name: boots
SELECT tenant, device, boot, first_at, believed_at FROM boots FINAL
WHERE (tenant, device, boot) IN $keys

-- name: position
SELECT number, offset, repeated, rejected FROM progress FINAL WHERE writer = $writer

-- name: found
-- The rows are found by few columns and only then read whole.
SELECT started_at, id, session, tenant, device, version FROM commands FINAL
WHERE {conditions}
ORDER BY started_at DESC NULLS LAST, id DESC {limit}

-- name: if_since
started_at >= $since_at

-- name: if_repo
(position(ifNull(repo, ''), $repo) > 0 OR {aliased})

-- name: if_aliased
(tenant, ifNull(repo, '')) IN $pairs

-- name: if_cwd
(cwd = $folder OR substring(cwd, 1, $length) = $below)

-- name: if_failed
(ifNull(exit_status, 0) != 0 OR isNotNull(signal))

-- name: if_text
positionCaseInsensitiveUTF8(ifNull(ifNull(line, shape), ''), $text) > 0

-- name: if_owner
tenant = $tenant AND person = $person

-- name: aliased
SELECT DISTINCT tenant, repo FROM projects WHERE alias = $alias

-- name: whole
SELECT {columns} FROM commands FINAL WHERE {conditions} AND (session, id) IN $keys

-- name: whose
SELECT tenant, device, id, user, shell, version FROM sessions FINAL WHERE id IN $sessions

-- name: newest
SELECT started_at, id, session, tenant, device, version, template, shape, line, wall_ns
FROM commands FINAL WHERE {conditions}
ORDER BY started_at DESC NULLS LAST, id DESC LIMIT $limit

-- name: by_id
SELECT DISTINCT session, id, tenant, device FROM commands
WHERE id BETWEEN $low AND $high AND {conditions} LIMIT 100

-- name: by_session
SELECT DISTINCT tenant, device, session, id FROM commands
WHERE session = $session AND id = $id AND {conditions}

-- name: of_command
SELECT * FROM `{table}` FINAL
WHERE tenant = $tenant AND session = $session AND command = $id AND device = $device

-- name: command
SELECT * FROM commands FINAL
WHERE tenant = $tenant AND session = $session AND id = $id AND device = $device

-- name: session
SELECT * FROM sessions FINAL WHERE tenant = $tenant AND id = $session AND device = $device

-- name: losses
SELECT * FROM losses FINAL
WHERE device = $device AND tenant = $tenant AND since <= $until_at
AND (isNull(until) OR until >= $since_at)

-- name: hosts
SELECT * FROM hosts FINAL WHERE device = $device AND tenant = $tenant
ORDER BY at > $until_at, abs(at - $until_at) LIMIT 1

-- name: caches
SELECT * FROM caches FINAL WHERE device = $device AND tenant = $tenant AND at = $at

-- name: near
SELECT DISTINCT id FROM commands
WHERE toUInt16(bitShiftRight(id, 48)) IN $starts AND {conditions}

-- name: usual
-- Of many runs the newest of each shard are enough to say what is usual.
SELECT template, wall_ns - ifNull(suspended_ns, 0) AS length_ns FROM commands FINAL
WHERE template IN $templates AND started_at >= $since_at AND isNotNull(wall_ns)
AND exit_status = 0
ORDER BY started_at DESC LIMIT 1000 BY template

-- name: counts
SELECT
    (SELECT count() FROM commands FINAL) AS commands,
    (SELECT count() FROM processes FINAL) AS processes,
    (SELECT count() FROM flows FINAL) AS flows,
    (SELECT count() FROM losses FINAL) AS losses,
    (SELECT sum(ifNull(missed, 0)) FROM losses FINAL) AS missed,
    (SELECT count() FROM batches FINAL) AS batches,
    (SELECT min(started_at) FROM commands FINAL) AS first_at,
    (SELECT max(started_at) FROM commands FINAL) AS last_at

-- name: size
SELECT sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase()

-- name: mutating
SELECT count() AS waiting FROM system.mutations
WHERE database = currentDatabase() AND table = $table AND NOT is_done

-- name: gone
SELECT tenant, device, session, id, day FROM commands FINAL WHERE {conditions}

-- name: gone_table
CREATE TABLE IF NOT EXISTS `{table}` (tenant String, device String, session FixedString(16), id Int64)
ENGINE = MergeTree ORDER BY (tenant, session, id)

-- name: if_gone
(tenant, device, session, `{id}`) IN (SELECT tenant, device, session, id FROM `{gone}`)

-- name: if_begun
(isNull({moment}) OR {moment} >= $since_at)

-- name: if_alias
alias = $alias

-- name: delete
ALTER TABLE `{table}` DELETE WHERE {condition}

-- name: recent_days
SELECT DISTINCT day FROM commands ORDER BY day DESC LIMIT 2

-- name: older
SELECT toYYYYMM({day}) AS month, count() AS n FROM `{table}` FINAL
WHERE {day} < toDate($day) AND {day} > toDate($first) GROUP BY month ORDER BY month

-- name: retire
ALTER TABLE `{table}` DELETE WHERE {day} < toDate($day) AND {day} > toDate($first)

-- name: days
SELECT DISTINCT day FROM `{table}` WHERE {condition}

-- name: empty
TRUNCATE TABLE `{table}`

-- name: held
SELECT
    (SELECT count() FROM `{table}` WHERE {within}) AS n,
    (SELECT max(day) FROM horizons WHERE name = $name) AS horizon

-- name: progress
INSERT INTO progress (writer, number, offset, repeated, rejected, version)
VALUES ($writer, $number, $offset, $repeated, $rejected, $version)

-- name: exported
SELECT * FROM `{table}` FINAL WHERE tenant = $tenant AND person = $person AND {standing}
