"""Where facts rest: one engine for each URL scheme, imported when it is asked for."""

from importlib import import_module

from ingest.store.base import Store, StoreError

# (scheme, module, function); the function takes the URL's path and returns a `Store`.
ENGINES = (
    ("duckdb", "ingest.store.duckdb", "open_store"),
    ("memory", "ingest.store.memory", "open_store"),
    ("clickhouse", "ingest.store.clickhouse", "open_store"),
)


def open(url: str) -> Store:  # noqa: A001 - read as `store.open`
    """Open the store a URL names: `duckdb:///path/file.duckdb`, `clickhouse://…` or `memory:`.

    StoreError: no engine has that scheme, or it cannot open what is there.
    """
    scheme, _, rest = url.partition(":")
    for name, module, function in ENGINES:
        if name == scheme:
            path = rest.removeprefix("//")
            opened: Store = getattr(import_module(module), function)(path)
            return opened
    known = ", ".join(name for name, _, _ in ENGINES)
    raise StoreError(f"no store engine is called `{scheme}`", f"known: {known}")
