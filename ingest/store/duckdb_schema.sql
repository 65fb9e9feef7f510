-- The tables in DuckDB (storage.md 3.7) and how they grow: each statement behind its `-- name:` line.
-- Every column but the leading seven is also in ingest/store/tables.py.

-- name: schema
CREATE TABLE IF NOT EXISTS about (schema BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS boots (
    tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, boot VARCHAR NOT NULL,
    first_at BIGINT NOT NULL, believed_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS batches (
    tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, id VARCHAR NOT NULL, digest BLOB, rows BIGINT,
    first_at BIGINT, last_at BIGINT, received_at BIGINT, skew_ns BIGINT
);
CREATE TABLE IF NOT EXISTS totals (
    commands_stored BIGINT NOT NULL, processes_stored BIGINT NOT NULL,
    batches_stored BIGINT NOT NULL, batches_repeated BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL, journal_number BIGINT NOT NULL, journal_offset BIGINT NOT NULL
);
INSERT INTO totals SELECT 0, 0, 0, 0, 0, 0, 0 WHERE NOT EXISTS (FROM totals);
CREATE TABLE IF NOT EXISTS sessions (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "id" BLOB NOT NULL, "user" VARCHAR,
    "host" VARCHAR, "shell" VARCHAR, "terminal" VARCHAR, "boot" VARCHAR, "program_version" VARCHAR,
    "started_at" BIGINT, "ended_at" BIGINT, "sensors" VARCHAR
);
CREATE TABLE IF NOT EXISTS commands (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "id" BIGINT NOT NULL, "line" VARCHAR, "line_cut" BOOLEAN, "shell_pid" BIGINT, "shape" VARCHAR,
    "template" VARCHAR, "category" VARCHAR, "cwd" VARCHAR, "repo" VARCHAR, "branch" VARCHAR,
    "commit" VARCHAR, "actor" VARCHAR, "started_at" BIGINT, "wall_ns" BIGINT,
    "suspended_ns" BIGINT, "exit_status" BIGINT, "signal" BIGINT, "cpu_user_ns" BIGINT,
    "cpu_sys_ns" BIGINT, "peak_rss_bytes" BIGINT, "read_bytes" BIGINT, "write_bytes" BIGINT,
    "received_bytes" BIGINT, "sent_bytes" BIGINT, "connections" BIGINT, "process_count" BIGINT,
    "completeness" VARCHAR, "free_network_ns" BIGINT, "wait_ns" BIGINT, "return_delay_ns" BIGINT,
    "prompt_ns" BIGINT, "program" VARCHAR, "repo_name" VARCHAR, "cpu_ns" BIGINT,
    "runqueue_ns" BIGINT, "disk_ns" BIGINT, "network_ns" BIGINT, "input_ns" BIGINT,
    "lock_ns" BIGINT, "other_ns" BIGINT, "dl_active_ns" BIGINT, "dl_wait_ns" BIGINT,
    "dl_dns_ns" BIGINT, "dl_connect_ns" BIGINT, "dl_server_ns" BIGINT, "dl_transfer_ns" BIGINT,
    "tree_hash" BIGINT, "argv_hash" BIGINT, "lockfile_hash" BIGINT, "targeted" BOOLEAN,
    "wrappers" VARCHAR, "tool_version" VARCHAR, "interpreter_version" VARCHAR, "os_build" VARCHAR,
    "power_source" VARCHAR, "frequency_permille" BIGINT, "pressure_cpu_permille" BIGINT,
    "pressure_memory_permille" BIGINT, "pressure_io_permille" BIGINT, "ready_threads" BIGINT,
    "other_cores_permille" BIGINT, "major_faults" BIGINT, "swap_in_bytes" BIGINT,
    "compiler_runs" BIGINT, "changed_files" BIGINT, "tracked_files" BIGINT, "git_settings" VARCHAR,
    "shell_start_ns" BIGINT, "prompt_processes" VARCHAR, "other_busy" VARCHAR, "network_id" BIGINT,
    "boot_at" BIGINT, "cgroup_quota_permille" BIGINT, "emulated" BOOLEAN, "own_cpu_ns" BIGINT,
    "user" VARCHAR, "shell" VARCHAR
);
CREATE TABLE IF NOT EXISTS processes (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "pid" BIGINT NOT NULL, "start_ticks" BIGINT NOT NULL, "ppid" BIGINT, "parent_ticks" BIGINT,
    "command" BIGINT, "started_at" BIGINT, "name" VARCHAR, "exe" VARCHAR, "argv" VARCHAR[],
    "argv_cut" BOOLEAN, "cwd" VARCHAR, "wall_us" BIGINT, "exit_status" BIGINT, "signal" BIGINT,
    "cpu_user_us" BIGINT, "cpu_sys_us" BIGINT, "peak_rss_bytes" BIGINT, "read_bytes" BIGINT,
    "write_bytes" BIGINT, "source" VARCHAR, "completeness" VARCHAR
);
CREATE TABLE IF NOT EXISTS flows (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "id" BIGINT NOT NULL, "command" BIGINT NOT NULL, "pid" BIGINT, "process_ticks" BIGINT,
    "pid_confidence" VARCHAR, "protocol" VARCHAR, "remote_host" VARCHAR, "host_source" VARCHAR,
    "remote_address" VARCHAR, "remote_port" BIGINT, "opened_at" BIGINT, "connect_ns" BIGINT,
    "first_byte_at" BIGINT, "closed_at" BIGINT, "received_bytes" BIGINT, "sent_bytes" BIGINT,
    "rtt_ns" BIGINT, "retransmits" BIGINT, "loopback" BOOLEAN
);
CREATE TABLE IF NOT EXISTS samples (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "command" BIGINT NOT NULL, "at" BIGINT NOT NULL, "length_ns" BIGINT, "path_pid" BIGINT,
    "class" VARCHAR, "label" VARCHAR, "cpu_ns" BIGINT, "runqueue_ns" BIGINT,
    "received_bytes" BIGINT, "sent_bytes" BIGINT, "cores_permille" BIGINT
);
CREATE TABLE IF NOT EXISTS projects (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "repo" VARCHAR NOT NULL,
    "alias" VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS commits (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "commit" VARCHAR NOT NULL, "repo" VARCHAR, "branch" VARCHAR, "patch_id" VARCHAR, "at" BIGINT,
    "additions" BIGINT, "deletions" BIGINT, "files" BIGINT
);
CREATE TABLE IF NOT EXISTS losses (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "sensor" VARCHAR NOT NULL, "since" BIGINT NOT NULL, "until" BIGINT, "missed" BIGINT,
    "reason" VARCHAR
);
CREATE TABLE IF NOT EXISTS hosts (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "at" BIGINT NOT NULL, "system" VARCHAR,
    "release" VARCHAR, "machine" VARCHAR, "cpu_model" VARCHAR, "cores" BIGINT,
    "memory_bytes" BIGINT, "disk_total_bytes" BIGINT, "disk_free_bytes" BIGINT,
    "file_system" VARCHAR
);
CREATE TABLE IF NOT EXISTS daemons (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "command" BIGINT NOT NULL, "place" BIGINT, "name" VARCHAR, "peer" VARCHAR, "cpu_ns" BIGINT,
    "shared" BOOLEAN
);
CREATE TABLE IF NOT EXISTS other_reasons (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "session" BLOB NOT NULL,
    "command" BIGINT NOT NULL, "place" BIGINT, "name" VARCHAR, "length_ns" BIGINT
);
CREATE TABLE IF NOT EXISTS caches (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, device VARCHAR NOT NULL, person VARCHAR,
    team VARCHAR, batch VARCHAR, version BIGINT NOT NULL, "at" BIGINT NOT NULL, "place" BIGINT,
    "name" VARCHAR, "bytes" BIGINT, "changed_at" BIGINT
);
CREATE TABLE IF NOT EXISTS roll_day (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, person VARCHAR, team VARCHAR, repo VARCHAR,
    template VARCHAR, category VARCHAR, actor VARCHAR, runs BIGINT NOT NULL,
    failures BIGINT NOT NULL, wall_ns BIGINT NOT NULL, wait_ns BIGINT NOT NULL,
    cpu_ns BIGINT NOT NULL, runqueue_ns BIGINT NOT NULL, disk_ns BIGINT NOT NULL,
    network_ns BIGINT NOT NULL, input_ns BIGINT NOT NULL, lock_ns BIGINT NOT NULL,
    other_ns BIGINT NOT NULL, dl_active_ns BIGINT NOT NULL, received_bytes BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS hist_day (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, repo VARCHAR, template VARCHAR,
    bucket INTEGER NOT NULL, n BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS hist_4w (
    first_day DATE NOT NULL, tenant VARCHAR NOT NULL, repo VARCHAR, template VARCHAR,
    bucket INTEGER NOT NULL, n BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS person_week (
    week DATE NOT NULL, tenant VARCHAR NOT NULL, person VARCHAR, team VARCHAR, repo VARCHAR,
    template VARCHAR, runs BIGINT NOT NULL, failures BIGINT NOT NULL, wait_ns BIGINT NOT NULL,
    p50_ns BIGINT NOT NULL, p90_ns BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS flow_day (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, person VARCHAR, team VARCHAR, remote_host VARCHAR,
    template VARCHAR, flows BIGINT NOT NULL, failed BIGINT NOT NULL,
    received_bytes BIGINT NOT NULL, sent_bytes BIGINT NOT NULL, connects BIGINT NOT NULL,
    connect_ns BIGINT NOT NULL, first_bytes BIGINT NOT NULL, first_byte_ns BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS flow_hist (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, remote_host VARCHAR, template VARCHAR,
    measure VARCHAR NOT NULL, bucket INTEGER NOT NULL, n BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS dirty_days (
    day DATE NOT NULL, tenant VARCHAR NOT NULL, person VARCHAR, merged BOOLEAN NOT NULL
);
CREATE TABLE IF NOT EXISTS folds ("at" BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS horizons (name VARCHAR NOT NULL, day DATE NOT NULL);
CREATE TABLE IF NOT EXISTS chores (name VARCHAR NOT NULL);

-- name: columns
SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal;

-- name: grow
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "{column}" {type};
