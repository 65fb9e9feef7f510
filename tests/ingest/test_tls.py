"""TLS of our own and proxies in front of us."""

import http.client
import os
import shutil
import signal
import ssl
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.__main__ import main
from tests.ingest.service import OPEN_HANDED, Service


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificate")
    _certify(folder)
    return folder


def _certify(folder: Path) -> None:
    """Make a self-signed certificate, just now."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate: apt-get install openssl")
    argv = [
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", "/CN=loopback"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(folder / "key.pem"), "-out", str(folder / "chain.pem")),
    ]
    subprocess.run(argv, capture_output=True, check=True)


@pytest.fixture(scope="module")
def running(certificate: Path) -> Iterator[Service]:
    """Yield a service with a certificate."""
    made = Service().start(
        *("--certificate", str(certificate / "chain.pem")),
        *("--private-key", str(certificate / "key.pem")),
    )
    yield made
    made.close()


def test_it_speaks_tls_and_says_so(running: Service, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate / "chain.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", running.port, context=context)
    connection.request("GET", "/healthz")
    assert (connection.getresponse().status, running.scheme) == (200, "https")
    connection.close()


def test_tls_before_1_2_is_refused(running: Service) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        running.connects() as connection,
        pytest.raises((ssl.SSLError, ConnectionError)),
        context.wrap_socket(connection),
    ):
        pass


def test_a_renewed_certificate_is_read_at_a_hangup(running: Service, certificate: Path) -> None:
    _certify(certificate)
    renewed = (certificate / "chain.pem").read_text()
    address = ("127.0.0.1", running.port)
    assert ssl.get_server_certificate(address) != renewed
    os.kill(running.pid, signal.SIGHUP)
    until = time.monotonic() + 5
    while ssl.get_server_certificate(address) != renewed:
        assert time.monotonic() < until, running.log()


def test_who_speaks_no_tls_gets_nothing(running: Service) -> None:
    with running.connects() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(5)
        try:
            answer = connection.recv(4096)
        except ConnectionError:
            answer = b""
    assert not answer.startswith(b"HTTP/")


@pytest.mark.parametrize(
    ("trusted", "seen", "scheme"),
    [("[]", "127.0.0.1", "http"), ('["127.0.0.0/8"]', "192.0.2.7", "https")],
)
def test_a_proxy_is_believed_only_when_it_is_ours(trusted: str, seen: str, scheme: str) -> None:
    made = Service(f"{OPEN_HANDED}trusted_proxies = {trusted}\n").start()
    try:
        token = made.device()
        headers = {"X_Forwarded_For": "203.0.113.9, 192.0.2.7", "X_Forwarded_Proto": "https"}
        made.asks("GET", "/v1/me/export", "0" * 64, b"", **headers)
        refused = [line for line in made.log().splitlines() if " 401 " in line]
        assert refused[-1].endswith(seen)
        url = made.asks("POST", "/v1/me/link", token, b"{}", **headers).json["url"]
        assert url.startswith(f"{scheme}://127.0.0.1:{made.port}/link/")
    finally:
        made.close()


@pytest.mark.parametrize(
    "words", [("--listen", "here"), ("--listen", "x:99999"), ("--store", "oracle:x"), ("more",)]
)
def test_wrong_usage_is_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["serve", "--data", str(tmp_path), *words])
    assert left.value.code == 2


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ("listne = 'x'", "listen"),
        ("head_and_body_ms = -5", "below zero"),
        ("listen = 'here'", "HOST:PORT"),
        ("store = 'somewhere'", "store"),
        ("trusted_proxies = ['everyone']", "everyone"),
        ("certificate = '/nowhere.pem'", "go together"),
        ("certificate = '/nowhere.pem'\nprivate_key = '/nowhere.pem'", "certificate"),
        ("requests_per_second = 'many'", "requests_per_second"),
        ("[", "TOML"),
    ],
)
def test_a_wrong_setting_is_told_in_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str, word: str
) -> None:
    (tmp_path / "config.toml").write_text(settings)
    assert main(["serve", "--data", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert (len(told.splitlines()), word in told) == (2, True)


def test_a_folder_too_deep_for_a_socket_is_told_in_two_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--data", str(tmp_path / ("x" * 100))]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
