"""The rows of netsniff: sockets and slices of time, nothing of ours."""

from tests.house.row import Row

NETSNIFF = (
    Row("netsniff"),
    Row("netsniff.model", pure=True),
    Row("netsniff.known", may="netsniff.model", pure=True),
    Row("netsniff.connections", may="netsniff.model netsniff.known", pure=True),
    Row("netsniff.split", may="netsniff.model", pure=True),
    Row("netsniff.sources", "*", may="netsniff.model"),
    Row("netsniff.sources", "census diag diag_message nettop_log", may="netsniff.model", pure=True),
    Row(
        "netsniff.sources",
        "schedule holders scan_records told_sockets",
        may="netsniff.model",
        pure=True,
    ),
    Row("netsniff.sources", "bpf_assembler bpf_types bpf_entry", may="netsniff.model", pure=True),
    Row("netsniff.sources", "bpf_socket_parts bpf_socket_programs", pure=True),
    Row(
        "netsniff.sources",
        "tracefs_page tracefs_openings tracefs_events",
        may="netsniff.model",
        pure=True,
    ),
    Row("netsniff.sources", "psutil_table", may="netsniff.model", third="psutil"),
    Row("netsniff.names", "."),
    Row(
        "netsniff.names",
        "dns tls quic book order hostname address",
        may="netsniff.model",
        pure=True,
    ),
    Row("netsniff.names", "resolver", may="netsniff.model"),
    Row(
        "netsniff.capture",
        ". helper privilege",
        may="netsniff.model netsniff.names netsniff.sources.base",
    ),
    Row("netsniff.capture", "filter records", may="netsniff.model netsniff.names", pure=True),
    Row("netsniff.capture", "decode", may="netsniff.model netsniff.names", third="scapy"),
    Row("netsniff.capture", "cipher", may="netsniff.names", third="cryptography"),
    Row("netsniff.amounts", pure=True),
    Row("netsniff.naming", may="netsniff.model netsniff.names netsniff.capture"),
    Row("netsniff.live", "."),
    Row("netsniff.live", "text ledger lines", may="netsniff.model netsniff.amounts", pure=True),
    Row("netsniff.live", "keys"),
    Row("netsniff.live", "processes", may="netsniff.model", third="psutil"),
    Row("netsniff.live", "screen", may="netsniff.amounts", third="rich"),
    Row(
        "netsniff.live",
        "naming",
        may="netsniff.model netsniff.naming netsniff.capture netsniff.sources.base",
    ),
    Row(
        "netsniff.live",
        "watch",
        may="netsniff.model netsniff.amounts netsniff.connections netsniff.sources",
    ),
    Row("netsniff.live", "views", may="netsniff.model", third="rich"),
    Row("netsniff.__main__", may="netsniff.live"),
)
