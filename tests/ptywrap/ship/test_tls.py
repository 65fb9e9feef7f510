"""Over TLS only the service itself is spoken to: to anyone else not one byte of a body leaves."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ptywrap.errors import UserError
from ptywrap.ship import state
from ptywrap.ship.voyage import Pace
from tests import faults, shipping
from tests.shipping import Machine

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl: install the package openssl"
)


class Authority(NamedTuple):
    """A private authority: where its certificate lies, and who makes certificates by it."""

    folder: Path
    certificate: Path

    def context(self, name: str, days: str = "2") -> ssl.SSLContext:
        """Return what a server needs that shows a certificate for `name`."""
        key, request, signed = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        names = self.folder / f"{name}.names"
        names.write_text(f"subjectAltName=DNS:{name}\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")(
            "-keyout", key, "-out", request, "-subj", f"/CN={name}"
        )
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAcreateserial")(
            *("-CAkey", self.folder / "ca.key", "-days", days, "-extfile", names, "-out", signed)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed, key)
        return context


class _Call(NamedTuple):
    words: tuple[str | Path, ...]

    def __call__(self, *more: str | Path) -> None:
        argv = ["openssl", *self.words, *more]
        subprocess.run(argv, check=True, capture_output=True, timeout=30)


def _openssl(*words: str | Path) -> _Call:
    return _Call(words)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Give a private authority."""
    folder = tmp_path_factory.mktemp("authority")
    made = Authority(folder, folder / "ca.pem")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")(
        *("-nodes", "-days", "2", "-subj", "/CN=an authority of the tests"),
        *("-keyout", folder / "ca.key", "-out", made.certificate),
    )
    yield made
    shutil.rmtree(folder)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Give a machine with three facts to send."""
    made = Machine(tmp_path)
    made.seal(*shipping.losses(3))
    return made


def _refused(machine: Machine, it: faults.Service, ca_file: Path | None) -> str | None:
    """Return why nothing was sent; not a byte was, or the test has failed."""
    told = None if ca_file is None else str(ca_file)
    voyage = machine.voyage(it.url, ca_file=told, pace=Pace(patience_s=0.0))
    voyage.run()
    assert it.requests == []
    assert shipping.counted(machine)["waiting"] == 3
    return voyage.state.error


def test_a_private_authority_of_the_settings_is_trusted(
    machine: Machine, authority: Authority
) -> None:
    with faults.service(authority.context("localhost"), "localhost") as it:
        done = machine.voyage(it.url, ca_file=str(authority.certificate)).run()

    assert done.facts == 3


def test_one_the_settings_do_not_name_is_not(
    machine: Machine, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with faults.service(authority.context("localhost"), "localhost") as it:
        why = _refused(machine, it, None)

    assert why is not None
    assert why.startswith("its TLS certificate is not trusted: ")


def test_a_certificate_for_another_name_is_not_trusted(
    machine: Machine, authority: Authority
) -> None:
    with faults.service(authority.context("elsewhere.example"), "localhost") as it:
        why = _refused(machine, it, authority.certificate)

    assert why == (
        "its TLS certificate is not trusted: Hostname mismatch, certificate is not valid for "
        "'localhost'."
    )


def test_an_expired_certificate_is_not_trusted(machine: Machine, authority: Authority) -> None:
    with faults.service(authority.context("localhost", "-1"), "localhost") as it:
        why = _refused(machine, it, authority.certificate)

    assert why == "its TLS certificate is not trusted: certificate has expired"


def test_an_older_tls_is_not_spoken(machine: Machine, authority: Authority) -> None:
    context = authority.context("localhost")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with faults.service(context, "localhost") as it:
        why = _refused(machine, it, authority.certificate)

    assert why is not None


def test_plain_http_on_the_other_end_is_no_answer(machine: Machine, authority: Authority) -> None:
    with faults.service() as it:
        it.url = it.url.replace("http:", "https:")
        why = _refused(machine, it, authority.certificate)

    # The other end waits for the rest of what it takes for a request.
    assert why == "no connection in time"


def test_through_a_proxy_the_certificate_is_still_the_services(
    machine: Machine, authority: Authority
) -> None:
    context = authority.context("localhost")
    with faults.service(context, "localhost") as it, faults.proxy() as proxy:
        done = machine.voyage(it.url, ca_file=str(authority.certificate), proxy=proxy.url).run()

    assert (done.facts, proxy.asked) == (3, [f"CONNECT {it.url.removeprefix('https://')}"])


def test_a_file_that_holds_no_certificate_is_told(machine: Machine, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")

    with pytest.raises(UserError, match="`ca_file` cannot be used"):
        machine.voyage("https://127.0.0.1:1", ca_file=str(empty)).run()
    told = state.read(machine.device / "outbox").error
    assert told is not None
    assert told.startswith("`ca_file` cannot be used: ")
