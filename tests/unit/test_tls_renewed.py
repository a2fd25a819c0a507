"""Over real sockets: TLS files are taken when they change, and a certificate that is revoked opens nothing any more."""

from __future__ import annotations

import shutil
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from fastapi import FastAPI, Request

from jejak.audit import tls, web_server
from jejak.audit.web_server import ServingRefused, place_of
from jejak.settings import Settings
from tests.unit.test_tls import Authority, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def serial(certificate: Path) -> int:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number


def revocations(authority: Authority, *revoked: Path, ended: bool = False) -> bytes:
    today = datetime.now(UTC)
    made = x509.CertificateRevocationListBuilder(
        issuer_name=authority.certificate.subject,
        last_update=today - timedelta(days=2),
        next_update=today + timedelta(days=-1 if ended else 1),
    )
    for certificate in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(serial(certificate)).revocation_date(today)
        made = made.add_revoked_certificate(one.build())
    return made.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Server:
    """An application over TLS that says whether it saw a certificate, and files that may be replaced."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority.made(folder, "authority")
        self.certificate, self.key = self.authority.issue("server")
        self.list = folder / "revoked.pem"
        self.revoke()
        self.settings = Settings(
            data=folder / "data",
            environment="development",
            tls_certificate=self.certificate,
            tls_key=self.key,
            tls_client_ca=self.authority.file,
            tls_client_crl=self.list,
        )
        self.port = 0

    @property
    def application(self) -> FastAPI:
        served = FastAPI()

        @served.get("/")
        def seen(request: Request) -> dict[str, Any]:
            return {
                "certificate": web_server.client_certificate(request) is not None,
                "error": request.scope["extensions"]["tls"]["client_cert_error"],
            }

        return served

    def revoke(self, *revoked: Path, ended: bool = False) -> None:
        aside = self.list.with_suffix(".new")
        aside.write_bytes(revocations(self.authority, *revoked, ended=ended))
        aside.replace(self.list)

    def client(self, identity: tuple[Path, Path] | None = None) -> httpx.Client:
        context = ssl.create_default_context(cafile=self.authority.file)
        if identity is not None:
            context.load_cert_chain(*identity)
        return httpx.Client(verify=context, timeout=30, base_url=f"https://127.0.0.1:{self.port}")

    def shown(self) -> int:
        """Return the number of the certificate that a new connection is shown."""
        with self.client() as session, session.stream("GET", "/") as answer:
            connection = answer.extensions["network_stream"].get_extra_info("ssl_object")
            return x509.load_der_x509_certificate(connection.getpeercert(True)).serial_number


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(tls, "LOOK_SECONDS", 0.0)
    made = Server(tmp_path)
    with serving(made.application, place_of(made.settings)) as made.port:
        yield made


def test_a_new_certificate_is_shown_to_the_next_connection_without_a_restart(server: Server) -> None:
    before = server.shown()
    assert before == serial(server.certificate)
    certificate, key = server.authority.issue("next")
    # half a change: a certificate without its key is not taken, and nobody is turned away
    shutil.copy(certificate, server.certificate)
    assert server.shown() == before
    # the other half
    shutil.copy(key, server.key)
    assert server.shown() == serial(certificate)


def test_files_that_vanish_leave_the_server_what_it_had(server: Server) -> None:
    before = server.shown()
    for file in (server.certificate, server.key, server.authority.file, server.list):
        file.rename(file.with_suffix(".away"))
    server.authority.file.with_suffix(".away").rename(server.authority.file)  # which the client needs
    assert server.shown() == before


def test_a_revoked_certificate_opens_no_connection_and_others_do(server: Server) -> None:
    lost, kept = server.authority.issue("lost"), server.authority.issue("kept")
    with server.client(lost) as session:
        assert session.get("/").json() == {"certificate": True, "error": None}
    server.revoke(lost[0])
    with server.client(lost) as session, pytest.raises(httpx.TransportError):
        session.get("/")
    with server.client(kept) as session:
        assert session.get("/").json()["certificate"]


def test_a_connection_from_before_the_revocation_proves_nothing_after_it(server: Server) -> None:
    lost = server.authority.issue("lost")
    with server.client(lost) as session:
        assert session.get("/").json()["certificate"]
        server.revoke(lost[0])
        assert session.get("/").json() == {"certificate": False, "error": "certificate revoked"}


def test_a_list_that_ran_out_refuses_everybody_it_would_be_asked_about(server: Server) -> None:
    someone = server.authority.issue("someone")
    with server.client(someone) as before:
        assert before.get("/").json()["certificate"]
        server.revoke(ended=True)
        assert not before.get("/").json()["certificate"]
        with server.client(someone) as session, pytest.raises(httpx.TransportError):
            session.get("/")


def test_the_list_of_another_authority_lets_nobody_in(server: Server, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    server.list.write_bytes(revocations(Authority.made(tmp_path / "elsewhere", "another")))
    with server.client(server.authority.issue("someone")) as session, pytest.raises(httpx.TransportError):
        session.get("/")


def test_files_are_looked_at_once_a_second_at_most(tmp_path: Path) -> None:
    authority = Authority.made(tmp_path, "authority")
    own, (other, _) = authority.issue("server"), authority.issue("other")
    at = [10.0]
    made = tls.Renewing.over(
        tls.Files(*own, authority.file, _written(tmp_path / "l.pem", revocations(authority))), lambda: at[0]
    )
    asked = ssl.PEM_cert_to_DER_cert(other.read_text())
    _written(tmp_path / "l.pem", revocations(authority, other))
    at[0] += tls.LOOK_SECONDS - 0.01
    assert not made.refuses(asked)
    at[0] += 0.01
    assert made.refuses(asked)


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("authority", "revoked", "named"),
    [
        ("", "list", "JEJAK_TLS_CLIENT_CA is not set"),
        ("authority", "nothing", "JEJAK_TLS_CLIENT_CRL names no file"),
        ("authority", "authority", "JEJAK_TLS_CLIENT_CRL holds no PEM revocation list"),
        ("list", "list", "JEJAK_TLS_CLIENT_CA holds no PEM certificate"),
    ],
)
def test_a_list_that_is_none_starts_nothing_and_is_named(
    tmp_path: Path, authority: str, revoked: str, named: str
) -> None:
    made = Authority.made(tmp_path, "authority")
    certificate, key = made.issue("server")
    _written(tmp_path / "list.pem", revocations(made))
    given: dict[str, Any] = {"tls_client_crl": tmp_path / f"{revoked}.pem"}
    if authority:
        given["tls_client_ca"] = tmp_path / f"{authority}.pem"
    with pytest.raises(ServingRefused, match=named):
        place_of(Settings(data=tmp_path, tls_certificate=certificate, tls_key=key, **given))
