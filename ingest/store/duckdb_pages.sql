-- What pages ask: {within} and {named} are conditions, the rest in braces is from duckdb_pages.py.

-- name: horizon_of
-- The first day that has all its rows, and the first of the merged weeks.
SELECT
    (SELECT max(day) - DATE '1970-01-01' FROM horizons WHERE name = '{rows}'),
    (SELECT max(first_day) - DATE '1970-01-01' FROM hist_4w);

-- name: number_of_rows
SELECT count(*) FROM {rows} WHERE {within};

-- name: ranked_of_rows
SELECT template, count(*) AS runs FROM commands WHERE {within} AND wall_ns IS NOT NULL
GROUP BY 1 ORDER BY {measure} DESC, template NULLS LAST LIMIT {top};

-- name: ranked_of_rollups
SELECT template, sum(runs) AS runs FROM roll_day WHERE {within}
GROUP BY 1 HAVING sum(runs) > 0 ORDER BY {measure} DESC, template NULLS LAST LIMIT {top};

-- name: told_of_rows
SELECT
    {key}, any_value(category), {people}, {lengths},
    count(*), count_if(coalesce(exit_status, 0) <> 0 OR "signal" IS NOT NULL), {sums}
FROM commands WHERE {within} AND wall_ns IS NOT NULL GROUP BY 1;

-- name: told_of_rollups
SELECT
    {key}, any_value(category), {people} FILTER (runs > 0), NULL,
    sum(runs), sum(failures), {sums}
FROM roll_day WHERE {within} GROUP BY 1 HAVING sum(runs) > 0;

-- name: quantiles_of_rows
SELECT {key} AS name, quantile_disc({length}, [0.5, 0.95])
FROM {table} WHERE {within} AND {named} AND {length} IS NOT NULL GROUP BY 1;

-- name: quantiles_of_rollups
WITH held AS (
    SELECT {key} AS name, bucket, sum(n) AS n FROM {table} WHERE {within} AND {named}
    GROUP BY ALL HAVING sum(n) > 0
), counted AS (
    SELECT
        name, {value} AS value_ns, sum(n) OVER (PARTITION BY name ORDER BY bucket) AS upto,
        sum(n) OVER (PARTITION BY name) AS total
    FROM held
)
SELECT
    name, min(value_ns) FILTER (upto >= (total * 50 + 99) // 100),
    min(value_ns) FILTER (upto >= (total * 95 + 99) // 100)
FROM counted GROUP BY name;

-- name: programs
SELECT
    name, {people} AS people, count(*) AS processes,
    coalesce(sum(cpu_user_us), 0) + coalesce(sum(cpu_sys_us), 0) AS cpu_us,
    coalesce(sum(wall_us), 0) AS wall_us, max(peak_rss_bytes) AS peak_rss_bytes
FROM processes WHERE {within} GROUP BY name ORDER BY cpu_us DESC, name NULLS LAST LIMIT $top;

-- name: remotes_of_rows
SELECT
    remote_host, count(DISTINCT nullif(person, '')) AS people, count(*) AS flows,
    count_if(closed_at IS NOT NULL AND first_byte_at IS NULL
        AND coalesce(received_bytes, 0) = 0) AS failed,
    coalesce(sum(received_bytes), 0) AS received_bytes, coalesce(sum(sent_bytes), 0) AS sent_bytes
FROM flows WHERE {within} GROUP BY 1
ORDER BY coalesce(sum(received_bytes), 0) + coalesce(sum(sent_bytes), 0) DESC,
    remote_host NULLS LAST LIMIT $top;

-- name: remotes_of_rollups
SELECT
    remote_host, count(DISTINCT nullif(person, '')) FILTER (flows > 0) AS people,
    sum(flows) AS flows, sum(failed) AS failed,
    sum(received_bytes) AS received_bytes, sum(sent_bytes) AS sent_bytes
FROM flow_day WHERE {within} GROUP BY 1 HAVING sum(flows) > 0
ORDER BY coalesce(sum(received_bytes), 0) + coalesce(sum(sent_bytes), 0) DESC,
    remote_host NULLS LAST LIMIT $top;

-- name: medians
SELECT
    week - DATE '1970-01-01' AS week, team, repo, template,
    count(DISTINCT nullif(person, '')) AS people, sum(runs) AS runs, sum(failures) AS failures,
    sum(wait_ns) AS wait_ns, quantile_disc(p50_ns, 0.5) AS p50_ns,
    quantile_disc(p90_ns, 0.5) AS p90_ns
FROM person_week WHERE {within} GROUP BY ALL ORDER BY week, team, repo, template;

-- name: export
SELECT * FROM {table} WHERE tenant = $tenant AND person = $person;
