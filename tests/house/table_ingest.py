"""The part of the house's table that is the service and the store."""

from tests.house.row import Row

_STORE = "ptywrap.wire"

INGEST = (
    Row("ingest"),
    Row("ingest.config", third="msgspec"),
    Row("ingest.stable"),
    Row("ingest.logs"),
    Row("ingest.tokens", may="ingest.config ingest.stable", third="msgspec"),
    Row("ingest.auth", may="ingest.config ingest.tokens ingest.clock", third="msgspec"),
    Row("ingest.inflate", may="ptywrap.wire", third="zstandard", pure=True),
    Row("ingest.limits", pure=True),
    Row("ingest.metrics", pure=True),
    Row("ingest.openapi", pure=True),
    Row("ingest.known"),
    Row("ingest.connections"),
    Row("ingest.child"),
    Row("ingest.sessions", may="ingest.tokens"),
    Row("ingest.room", may="ingest.journal ingest.config"),
    Row(
        "ingest.front",
        may="ingest.config ingest.tokens ingest.auth ingest.journal ingest.known ingest.limits "
        "ingest.metrics ingest.room ingest.sessions ingest.child ingest.connections ingest.store",
        third="aiohttp",
    ),
    Row("ingest.enrol", may="ingest.front ingest.auth ingest.receive", third="aiohttp msgspec"),
    Row(
        "ingest.mine",
        may="ingest.front ingest.auth ingest.receive ingest.entries ingest.journal ingest.sessions "
        "ingest.pages ingest.store ingest.clock",
        third="aiohttp msgspec",
    ),
    Row(
        "ingest.health",
        may="ingest.front ingest.auth ingest.metrics ingest.store",
        third="aiohttp",
    ),
    Row(
        "ingest.routes",
        may="ingest.front ingest.tokens ingest.openapi ingest.receive ingest.enrol ingest.mine "
        "ingest.health",
    ),
    Row(
        "ingest.serve",
        may="ingest.app ingest.child ingest.config ingest.connections ingest.front ingest.logs "
        "ingest.store",
        third="aiohttp msgspec",
    ),
    Row(
        "ingest.issuing",
        may="ingest.config ingest.tokens ingest.clock",
        third="msgspec",
    ),
    Row("ingest.entries", may="ptywrap.wire", third="msgspec", pure=True),
    Row("ingest.journal_file", may="ptywrap.wire ingest.stable"),
    Row("ingest.journal", may="ptywrap.wire ingest.entries ingest.journal_file"),
    Row(
        "ingest.receive",
        may="ptywrap.wire ingest.front ingest.auth ingest.entries ingest.inflate ingest.journal "
        "ingest.known ingest.unpacking ingest.clock",
        third="aiohttp",
    ),
    Row("ingest.webhooks", may="ingest.auth ingest.journal ingest.dora ingest.config"),
    Row("ingest.clock"),
    Row(
        "ingest.groups",
        may="ptywrap.wire ingest.store ingest.entries ingest.inflate ingest.journal "
        "ingest.unpacking ingest.clock",
        third="msgspec",
    ),
    Row("ingest.filling", may="ingest.store ingest.groups ingest.journal ingest.clock"),
    Row(
        "ingest.service_store",
        may="ingest.store ingest.drain ingest.filling ingest.groups ingest.logs",
    ),
    Row("ingest.store", "calls", may=_STORE, third="msgspec", pure=True),
    Row("ingest.decoding", may="ptywrap.wire ingest.store", third="numpy", pure=True),
    Row(
        "ingest.unpacking",
        may="ptywrap.wire ingest.store ingest.entries ingest.decoding",
        third="numpy",
        pure=True,
    ),
    Row("ingest.asks", third="msgspec", pure=True),
    Row("ingest.segments", may="ptywrap.wire ingest.store", pure=True),
    Row("ingest.archive", may="ptywrap.wire ingest.segments ingest.clock ingest.stable"),
    Row(
        "ingest.drain",
        may="ptywrap.wire ingest.journal ingest.store ingest.config ingest.segments ingest.archive "
        "ingest.clock",
    ),
    Row(
        "ingest.answers",
        may="ingest.asks ingest.drain ingest.store ingest.clock ingest.insights ingest.dora "
        "ingest.trace ingest.export",
    ),
    Row(
        "ingest.local",
        may="ingest.config ingest.asks ingest.answers ingest.archive ingest.drain ingest.logs "
        "ingest.store",
    ),
    Row("ingest.store", "*", may=_STORE),
    Row("ingest.store", "forget questions arrays", may=_STORE, pure=True),
    Row("ingest.store", "tables rows", may=_STORE, third="msgspec", pure=True),
    Row("ingest.store", "memory_pages memory_rows memory_held", may=_STORE, pure=True),
    Row("ingest.store", "duckdb duckdb_erase duckdb_export", may=_STORE, third="duckdb"),
    Row("ingest.store", "duckdb_file", may=f"{_STORE} ingest.stable", third="duckdb"),
    Row("ingest.store", "duckdb_pages duckdb_roll duckdb_runs", may=_STORE, third="duckdb"),
    Row("ingest.store", "duckdb_load duckdb_fed duckdb_keys", may=_STORE, third="duckdb numpy"),
    Row("ingest.store", "duckdb_columns", may=_STORE, third="numpy", pure=True),
    Row("ingest.store", "duckdb_arrow", may=_STORE, third="numpy"),
    Row("ingest.store", "partial", may=_STORE, pure=True),
    Row("ingest.store", "clickhouse_shard", may=_STORE, third="aiohttp"),
    Row(
        "ingest.store",
        "clickhouse_native clickhouse_columns clickhouse_load clickhouse_marks",
        may=_STORE,
        third="numpy",
        pure=True,
    ),
    Row("ingest.dora", "*", may="ingest.store"),
    Row("ingest.dora", "git github gitlab coverage", may="ingest.store", third="aiohttp"),
    Row("ingest.dora", "measures", may="ingest.store", pure=True),
    Row("ingest.insights", "*", may="ingest.store", third="numpy"),
    Row("ingest.insights", "changepoint interval", may="ingest.store", third="numpy", pure=True),
    Row("ingest.demo", "*", may="ptywrap.wire", pure=True),
    Row("ingest.trace", may="ingest.store", pure=True),
    Row("ingest.export", may="ingest.store"),
    Row(
        "ingest.pages",
        ". routes render",
        may="ingest.store ingest.insights ingest.dora ingest.trace ingest.auth",
        third="aiohttp jinja2",
    ),
    Row("ingest.pages", "chart", may="ingest.store", pure=True),
    Row(
        "ingest.app",
        may="ptywrap.wire ingest.front ingest.auth ingest.config ingest.receive ingest.routes "
        "ingest.openapi ingest.sessions ingest.webhooks ingest.dora ingest.pages",
        third="aiohttp",
    ),
    Row(
        "ingest.__main__",
        may="ingest.config ingest.serve ingest.issuing ingest.service_store ingest.local "
        "ingest.demo",
    ),
)
