"""The rows of netsniff: sockets and slices of time, nothing of ours."""

from tests.house.row import Row

NETSNIFF = (
    Row("netsniff"),
    Row("netsniff.model", pure=True),
    Row("netsniff.known", may="netsniff.model", pure=True),
    Row("netsniff.connections", may="netsniff.model netsniff.known", pure=True),
    Row("netsniff.split", may="netsniff.model", pure=True),
    Row("netsniff.sources", "*", may="netsniff.model"),
    Row("netsniff.sources", "psutil_table", may="netsniff.model", third="psutil"),
    Row("netsniff.names", "."),
    Row("netsniff.names", "dns tls quic book", may="netsniff.model", pure=True),
    Row("netsniff.capture", ". helper", may="netsniff.model netsniff.names"),
    Row("netsniff.capture", "filter", may="netsniff.model netsniff.names", pure=True),
    Row("netsniff.capture", "decode", may="netsniff.model netsniff.names", third="scapy"),
    Row(
        "netsniff.__main__",
        may="netsniff.model netsniff.connections netsniff.sources netsniff.names",
        third="rich",
    ),
)
