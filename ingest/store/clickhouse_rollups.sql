-- Rollups in ClickHouse: closed days made anew from rows, and what pages ask of rows and of them.
-- Of tenants alone: a laptop has none. A text that is unknown is '' here, for it is in a key.

-- name: touch
-- A touch is behind every roll that has begun, so a roll that begins later has seen its rows.
INSERT INTO touched_days (kind, day, version)
SELECT kind, day, 1 + begun AS version
FROM (SELECT told.1 AS kind, told.2 AS day FROM (SELECT arrayJoin([{days}]) AS told)) AS days
ANY LEFT JOIN (
    SELECT kind, day, max(version) AS begun FROM begun_days GROUP BY kind, day
) AS rolls USING (kind, day)

-- name: clean
SELECT day, rolled AS version FROM (
    SELECT day, max(version) AS rolled FROM rolled_days WHERE kind = $kind GROUP BY day
) AS rolls ANY LEFT JOIN (
    SELECT day, max(version) AS touched FROM touched_days WHERE kind = $kind GROUP BY day
) AS touches USING (day)
WHERE rolled > touched OR day < (SELECT max(day) FROM horizons WHERE name = $kind)

-- name: unrolled_days
-- Which days of a window rows answer for, beside rollups. A fact's day is that of all its tellings,
-- so that it may be looked at before FINAL has chosen one.
SELECT DISTINCT day FROM touched_days
WHERE kind = $kind AND day BETWEEN toDate($first) AND toDate($last)
AND day NOT IN (SELECT day FROM ({clean}))

-- name: unrolled
day NOT IN (SELECT day FROM ({clean}))

-- name: dirty
SELECT day, rolled FROM (
    SELECT day, max(version) AS touched FROM touched_days WHERE kind = $kind GROUP BY day
) AS touches ANY LEFT JOIN (
    SELECT day, max(version) AS rolled FROM rolled_days WHERE kind = $kind GROUP BY day
) AS rolls USING (day)
WHERE rolled <= touched AND day < toDate($today)
AND day >= (SELECT max(day) FROM horizons WHERE name = $kind)
ORDER BY day

-- name: next
SELECT max(version) + 1 AS version FROM (
    SELECT max(version) AS version FROM begun_days WHERE kind = $kind AND day = toDate($day)
    UNION ALL
    SELECT max(version) AS version FROM touched_days WHERE kind = $kind AND day = toDate($day)
)

-- name: mark
INSERT INTO `{table}` (kind, day, version) VALUES ($kind, toDate($day), $version)

-- name: roll_day
INSERT INTO roll_day (
    day, tenant, person, team, repo, template, category, actor, version, runs, failures, {names}
)
SELECT
    day, tenant, person, team, ifNull(repo, '') AS r_repo, ifNull(template, '') AS r_template,
    ifNull(category, '') AS r_category, ifNull(actor, '') AS r_actor,
    toUInt64($version) AS r_version, count() AS r_runs, countIf({failed}) AS r_failures, {sums}
FROM commands FINAL PREWHERE day = toDate($day)
WHERE isNotNull(wall_ns) AND tenant != ''
GROUP BY day, tenant, person, team, r_repo, r_template, r_category, r_actor

-- name: hist_day
INSERT INTO hist_day (day, tenant, repo, template, bucket, version, n)
SELECT
    day, tenant, r_repo, r_template, {bucket} AS bucket, toUInt64($version) AS r_version,
    count() AS n
FROM (
    SELECT
        day, tenant, ifNull(repo, '') AS r_repo, ifNull(template, '') AS r_template,
        assumeNotNull({length}) AS length_ns
    FROM commands FINAL PREWHERE day = toDate($day)
    WHERE isNotNull(wall_ns) AND tenant != ''
)
GROUP BY day, tenant, r_repo, r_template, bucket

-- name: flow_day
-- With the template of their command, which began at most eight days before them.
INSERT INTO flow_day (
    day, tenant, person, team, remote_host, template, version, flows, failed, received_bytes,
    sent_bytes, connects, connect_ns, first_bytes, first_byte_ns
)
SELECT
    day, tenant, person, team, r_host, r_template, toUInt64($version) AS r_version,
    count() AS r_flows, countIf(lost) AS r_failed, {received} AS r_received, {sent} AS r_sent,
    countIf(isNotNull(connect_ns)) AS r_connects, {connects} AS r_connect_ns,
    countIf(isNotNull(waited_ns)) AS r_first_bytes, {waits} AS r_first_byte_ns
FROM (
    SELECT
        day, tenant, device, session, command, person, team, ifNull(remote_host, '') AS r_host,
        ({lost}) AS lost, received_bytes, sent_bytes, connect_ns, {waited} AS waited_ns
    FROM flows FINAL PREWHERE day = toDate($day) WHERE tenant != ''
) AS told
ANY LEFT JOIN (
    SELECT tenant, device, session, id AS command, ifNull(template, '') AS r_template
    FROM commands FINAL PREWHERE day BETWEEN toDate($first) AND toDate($last) WHERE tenant != ''
) AS ran USING (tenant, device, session, command)
GROUP BY day, tenant, person, team, r_host, r_template

-- name: flow_hist
INSERT INTO flow_hist (day, tenant, remote_host, measure, bucket, version, n)
SELECT
    day, tenant, r_host, $measure AS r_measure, {bucket} AS bucket,
    toUInt64($version) AS r_version, count() AS n
FROM (
    SELECT day, tenant, ifNull(remote_host, '') AS r_host, assumeNotNull({length}) AS length_ns
    FROM flows FINAL PREWHERE day = toDate($day) WHERE isNotNull({length}) AND tenant != ''
)
GROUP BY day, tenant, r_host, bucket

-- name: batch_day
INSERT INTO batch_day (day, version, commands, processes, batches)
SELECT
    day, toUInt64($version) AS r_version, sum(commands) AS r_commands,
    sum(processes) AS r_processes, count() AS r_batches
FROM batches FINAL WHERE day = toDate($day) GROUP BY day

-- name: totals
SELECT
    sum(commands) AS s_commands, sum(processes) AS s_processes, count() AS s_batches
FROM batches FINAL WHERE {days}
UNION ALL
SELECT
    sum(commands) AS s_commands, sum(processes) AS s_processes, toUInt64(sum(batches)) AS s_batches
FROM batch_day FINAL WHERE (day, version) IN ({clean})

-- name: weeks
-- How far the days of each week have been rolled: it grows with every roll.
SELECT week, sum(rolled) AS rolled FROM (
    SELECT day, toMonday(day) AS week, max(version) AS rolled
    FROM rolled_days WHERE kind = 'commands' GROUP BY day
)
WHERE week >= (SELECT max(day) FROM horizons WHERE name = 'commands') GROUP BY week

-- name: written
SELECT week, max(version) AS version FROM rolled_weeks GROUP BY week

-- name: persons
SELECT DISTINCT tenant, person FROM commands
WHERE day BETWEEN toDate($first) AND toDate($last) AND tenant != ''

-- name: person_week
INSERT INTO person_week (
    week, tenant, person, team, repo, template, version, runs, failures, wait_ns, p50_ns, p90_ns
)
SELECT
    toDate($first) AS r_week, tenant, person, team, r_repo, r_template,
    toUInt64($version) AS r_version, count() AS r_runs, countIf(lost) AS r_failures,
    sum(waited) AS r_wait,
    arrayElement(arraySort(groupArray(length_ns)), greatest(intDiv(count() * 50 + 99, 100), 1)) AS p50,
    arrayElement(arraySort(groupArray(length_ns)), greatest(intDiv(count() * 90 + 99, 100), 1)) AS p90
FROM ({runs})
WHERE {persons}
GROUP BY tenant, person, team, r_repo, r_template

-- name: runs
SELECT
    tenant, person, team, ifNull(repo, '') AS r_repo, ifNull(template, '') AS r_template,
    ({failed}) AS lost, ifNull(wait_ns, 0) AS waited, assumeNotNull({length}) AS length_ns
FROM commands FINAL PREWHERE day BETWEEN toDate($first) AND toDate($last)
WHERE isNotNull(wall_ns) AND tenant != ''

-- name: runs_of
SELECT * FROM ({runs}) WHERE {persons}

-- name: mark_week
INSERT INTO rolled_weeks (week, version) VALUES (toDate($week), $version)

-- name: horizon
INSERT INTO horizons (name, day, version) VALUES ($name, toDate($day), $day)

-- name: medians
SELECT week, person, team, repo, template, runs, failures, wait_ns, p50_ns, p90_ns
FROM person_week FINAL
WHERE {within} AND (week, version) IN (
    SELECT week, max(version) AS version FROM rolled_weeks GROUP BY week
)

-- name: sums_of_rows
SELECT
    {name} AS named, max(category) AS s_category, count() AS s_runs,
    countIf({failed}) AS s_failures, {sums}
FROM commands FINAL PREWHERE {days} WHERE {within} AND isNotNull(wall_ns) GROUP BY named

-- name: sums_of_rollups
SELECT {name} AS named, max(category) AS s_category, {rolled_sums}
FROM roll_day FINAL WHERE {within} AND (day, version) IN ({clean}) GROUP BY named

-- name: people_of_rows
SELECT {name} AS named, groupUniqArrayIf(person, person != '') AS people
FROM commands FINAL PREWHERE {days} WHERE {within} AND isNotNull(wall_ns) GROUP BY named

-- name: people_of_rollups
SELECT {name} AS named, groupUniqArrayIf(person, person != '') AS people
FROM roll_day FINAL WHERE {within} AND (day, version) IN ({clean}) GROUP BY named

-- name: buckets_of_rows
SELECT named, {bucket} AS bucket, count() AS runs FROM (
    SELECT {name} AS named, assumeNotNull({length}) AS length_ns
    FROM `{table}` FINAL PREWHERE {days} WHERE {within} AND {names}
)
GROUP BY named, bucket

-- name: buckets_of_rollups
SELECT {name} AS named, bucket, sum(n) AS runs FROM `{table}` FINAL
WHERE {within} AND {names} AND (day, version) IN ({clean}) GROUP BY named, bucket

-- name: lengths
SELECT named, bucket, groupArray(length_ns) AS lengths FROM (
    SELECT named, length_ns, {bucket} AS bucket FROM (
        SELECT {name} AS named, assumeNotNull({length}) AS length_ns
        FROM `{table}` FINAL PREWHERE {days} WHERE {within} AND {names}
    )
)
WHERE (named, bucket) IN ({cells}) GROUP BY named, bucket

-- name: programs_of_rows
SELECT
    ifNull(name, '') AS named, groupUniqArrayIf(person, person != '') AS people,
    count() AS s_processes, {cpu} AS s_cpu_us, {wall} AS s_wall_us,
    max(peak_rss_bytes) AS s_peak_rss_bytes
FROM processes FINAL PREWHERE {days} WHERE {within} GROUP BY named

-- name: remotes_of_rows
SELECT
    ifNull(remote_host, '') AS named, groupUniqArrayIf(person, person != '') AS people,
    count() AS s_flows, countIf({lost}) AS s_failed,
    {received} AS s_received_bytes, {sent} AS s_sent_bytes
FROM flows FINAL PREWHERE {days} WHERE {within} GROUP BY named

-- name: remotes_of_rollups
SELECT
    remote_host AS named, groupUniqArrayIf(person, person != '') AS people,
    sum(flows) AS s_flows, sum(failed) AS s_failed,
    sum(received_bytes) AS s_received_bytes, sum(sent_bytes) AS s_sent_bytes
FROM flow_day FINAL WHERE {within} AND (day, version) IN ({clean}) GROUP BY named
