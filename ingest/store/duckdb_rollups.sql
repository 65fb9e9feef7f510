-- Rollups (storage.md 3.8): appended deltas, folded by day, for tenants alone: a laptop has none.
-- Words in braces are filled in by duckdb_roll.py; {rows} is what leaves or arrives, {sign} -1 or 1.

-- name: rows_former
(SELECT * FROM {table} WHERE rowid IN (SELECT former FROM former WHERE NOT newer))

-- name: rows_staged
stage_{table}

-- name: rows_doomed
(SELECT * FROM {table} WHERE rowid IN (SELECT place FROM doomed))

-- name: roll_day
INSERT INTO roll_day BY NAME
SELECT
    day, tenant, person, team, repo, template, category, actor,
    {sign} * count(*) AS runs,
    {sign} * count_if(coalesce(exit_status, 0) <> 0 OR "signal" IS NOT NULL) AS failures,
    {sums}
FROM {rows} WHERE wall_ns IS NOT NULL AND tenant <> '' GROUP BY ALL;

-- name: hist_day
-- A bucket is 4 % wide and its value between its ends: at most 2 % off.
INSERT INTO hist_day BY NAME
SELECT day, tenant, repo, template, {bucket} AS bucket, {sign} * count(*) AS n
FROM (SELECT *, {length} AS length_ns FROM {rows} WHERE wall_ns IS NOT NULL AND tenant <> '')
GROUP BY ALL;

-- name: flow_day
INSERT INTO flow_day BY NAME
SELECT
    day, tenant, person, team, remote_host, template, {sign} * count(*) AS flows,
    {sign} * count_if(closed_at IS NOT NULL AND first_byte_at IS NULL
        AND coalesce(received_bytes, 0) = 0) AS failed,
    {sign} * {sum_received_bytes} AS received_bytes,
    {sign} * {sum_sent_bytes} AS sent_bytes,
    {sign} * count(connect_ns) AS connects,
    {sign} * {sum_connect_ns} AS connect_ns,
    {sign} * count(waited_ns) AS first_bytes,
    {sign} * {sum_waited_ns} AS first_byte_ns
FROM {rows} WHERE tenant <> '' GROUP BY ALL;

-- name: flow_hist
INSERT INTO flow_hist BY NAME
SELECT day, tenant, remote_host, template, measure, {bucket} AS bucket, {sign} * count(*) AS n
FROM (
    SELECT *, 'connect' AS measure, connect_ns AS length_ns FROM {rows}
    UNION ALL SELECT *, 'first byte' AS measure, waited_ns AS length_ns FROM {rows}
)
WHERE tenant <> '' AND length_ns IS NOT NULL GROUP BY ALL;

-- name: rolled_flows
-- Flows with the template of their command, which began at most eight days before them.
CREATE OR REPLACE TEMP TABLE rolled_flows AS
SELECT f.*, c.template, {waited} AS waited_ns
FROM {rows} AS f
LEFT JOIN (
    SELECT tenant, device, session, id, day, template FROM commands
    WHERE day BETWEEN (SELECT min(day) FROM {rows}) - 8 AND (SELECT max(day) FROM {rows}) + 1
) AS c
ON c.tenant = f.tenant AND c.device = f.device AND c.session = f.session AND c.id = f.command
AND c.day BETWEEN f.day - 8 AND f.day + 1;

-- name: renamed
-- Commands whose template is told otherwise, or for the first time, by what was staged.
CREATE OR REPLACE TEMP TABLE renamed AS
SELECT s.tenant, s.device, s.session, s.id, s.day, s.template AS later, c.template AS earlier
FROM {rows} AS s
LEFT JOIN former AS f ON f.place_fed = s.place_fed
LEFT JOIN (
    SELECT rowid AS place, template FROM commands WHERE rowid IN (SELECT former FROM former)
) AS c ON c.place = f.former
WHERE s.tenant <> '' AND f.newer IS NOT TRUE AND s.template IS DISTINCT FROM c.template;

-- name: renamed_flows
CREATE OR REPLACE TEMP TABLE rolled_flows AS
SELECT f.*, r.{template} AS template, {waited} AS waited_ns
FROM flows AS f JOIN renamed AS r
ON r.tenant = f.tenant AND r.device = f.device AND r.session = f.session AND r.id = f.command
AND f.day BETWEEN r.day - 1 AND r.day + 8
WHERE f.day BETWEEN (SELECT min(day) FROM renamed) - 1 AND (SELECT max(day) FROM renamed) + 8;

-- name: dirty
INSERT INTO dirty_days BY NAME
SELECT DISTINCT day, tenant, person, false AS merged FROM {rows} WHERE tenant <> '';

-- name: touched
-- The days to fold, and about how many rows each of their rollups has.
SELECT d.day - DATE '1970-01-01' AS day, count(h.day) AS number
FROM (SELECT DISTINCT day FROM dirty_days) AS d
LEFT JOIN (SELECT day FROM hist_day UNION ALL SELECT day FROM flow_hist) AS h ON h.day = d.day
GROUP BY ALL ORDER BY 1;

-- name: folded
CREATE OR REPLACE TEMP TABLE folded AS
SELECT {keys}, {folds} FROM {table} WHERE day IN ({days}) GROUP BY ALL HAVING sum({number}) <> 0;

-- name: unfold
DELETE FROM {table} WHERE day IN ({days});

-- name: fold
-- In the order in which it is asked for: what a question shows stands together.
INSERT INTO {table} BY NAME SELECT * FROM folded ORDER BY {first}, day;

-- name: closing
-- The weeks of people that are over, have all their rows, and were told something since.
CREATE OR REPLACE TEMP TABLE closing AS
SELECT DISTINCT CAST(date_trunc('week', day) AS DATE) AS week, tenant, person FROM dirty_days
WHERE date_trunc('week', day) + INTERVAL 7 DAY <= {today}
AND date_trunc('week', day) >= coalesce(
    (SELECT max(day) FROM horizons WHERE name = 'commands'), DATE '0001-01-01');

-- name: unclose
DELETE FROM person_week USING closing
WHERE person_week.week = closing.week AND person_week.tenant = closing.tenant
AND person_week.person IS NOT DISTINCT FROM closing.person;

-- name: closing_weeks
SELECT w.week - DATE '1970-01-01' AS week, count(c.day) AS number
FROM (SELECT DISTINCT week FROM closing) AS w
LEFT JOIN commands AS c ON c.day BETWEEN w.week AND w.week + 6
WHERE c.day BETWEEN (SELECT min(week) FROM closing) AND (SELECT max(week) FROM closing) + 6
GROUP BY ALL;

-- name: close
-- A part of the people at a time: medians are held in memory whole.
INSERT INTO person_week BY NAME
SELECT
    w.week, c.tenant, c.person, c.team, c.repo, c.template, count(*) AS runs,
    count_if(coalesce(c.exit_status, 0) <> 0 OR c."signal" IS NOT NULL) AS failures,
    {sum_wait_ns} AS wait_ns,
    quantile_disc({length}, 0.5) AS p50_ns, quantile_disc({length}, 0.9) AS p90_ns
FROM commands AS c JOIN closing AS w
ON w.tenant = c.tenant AND w.person IS NOT DISTINCT FROM c.person
WHERE w.week = {week} AND c.day BETWEEN {week} AND {week} + 6 AND c.wall_ns IS NOT NULL
AND hash(c.person) % {parts} = {part}
GROUP BY ALL;

-- name: cleaned
-- A day of a week that goes on stays, for the week is written when it closes.
CREATE OR REPLACE TEMP TABLE kept_days AS
SELECT day, tenant, person, bool_and(merged) AS merged FROM dirty_days
WHERE date_trunc('week', day) + INTERVAL 7 DAY > {today} GROUP BY ALL;
DELETE FROM dirty_days;
INSERT INTO dirty_days BY NAME FROM kept_days;

-- name: fold_due
SELECT
    coalesce((SELECT max("at") FROM folds) <= {now_at} - 3600000000000, true)
        AND EXISTS (FROM dirty_days) AS hourly,
    (SELECT max(first_day) FROM hist_4w) IS DISTINCT FROM {monday} - 28
        OR EXISTS (FROM dirty_days
            WHERE NOT merged AND day BETWEEN {monday} - 28 AND {monday} - 1) AS merge;

-- name: last_fold
SELECT (SELECT max("at") FROM folds), (SELECT max(first_day) - DATE '1970-01-01' FROM hist_4w);

-- name: fold_done
DELETE FROM folds;
INSERT INTO folds VALUES ({now_at});

-- name: merge
DELETE FROM hist_4w;
INSERT INTO hist_4w BY NAME
SELECT {monday} - 28 AS first_day, tenant, repo, template, bucket, sum(n) AS n FROM hist_day
WHERE day BETWEEN {monday} - 28 AND {monday} - 1
GROUP BY ALL HAVING sum(n) <> 0 ORDER BY template;
UPDATE dirty_days SET merged = true WHERE NOT merged;

-- name: horizon
-- Days before it have lost rows.
DELETE FROM horizons WHERE name = '{table}' AND day < {day};
INSERT INTO horizons SELECT '{table}', {day}
WHERE NOT EXISTS (FROM horizons WHERE name = '{table}');
