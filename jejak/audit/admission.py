"""Who may come to the door from this machine: tokens and their issuers, policies, agreements, counts. Holds no rule."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from consumers.gateway import policy, policy_feed
from consumers.gateway.admission import Gate
from consumers.gateway.agreements import FollowedAgreements
from consumers.gateway.authentication import NOT_BOUND, Authenticator, NotAuthenticated, TrustedIssuer, load_issuers
from consumers.gateway.break_glass import Reviews
from consumers.gateway.policy import Agreement
from consumers.gateway.policy_feed import FollowedPolicies
from consumers.gateway.quotas import Quotas
from consumers.gateway.request import Caller
from consumers.gateway.token_keys import IssuerKeys
from consumers.issuer.tokens import ALGORITHM, Issuer, Subject
from identity.secret_file import load_or_create_secret
from jejak.settings import Settings

DEVELOPMENT: Final = "development"
CLIENT: Final = "jejak-cli"
_BY: Final = "shipped"


class IssuerRefused(Exception):
    """The issuer of our own is for development alone."""


def development_issuer(settings: Settings) -> Issuer:
    """Return the issuer of our own; raises IssuerRefused outside development."""
    if settings.environment != DEVELOPMENT:
        raise IssuerRefused(
            "the issuer of our own runs in development alone: set JEJAK_TRUSTED_ISSUERS and JEJAK_TOKEN"
        )
    seed = load_or_create_secret(settings.key_folder() / "issuer-signing.key")
    return Issuer(settings.issuer, settings.audience, seed)


def authenticator(settings: Settings) -> Authenticator:
    """Return what verifies tokens: of the issuers that are trusted, and in development of our own."""
    trusted: tuple[TrustedIssuer, ...] = ()
    if settings.trusted_issuers != Path():
        trusted = load_issuers(settings.trusted_issuers)
    if settings.environment == DEVELOPMENT:
        own = development_issuer(settings)
        trusted += (TrustedIssuer(own.name, own.audience, IssuerKeys(own.keys), (ALGORITHM,)),)
    return Authenticator(trusted)


def of_connections(settings: Settings, *, bound: bool) -> Callable[[str, bytes | None], Caller | NotAuthenticated]:
    """Return what verifies a request's token with the certificate of its connection (its SHA-256, None without one).

    Where connections are `bound`, one without a certificate says nothing of who calls, whatever its token.
    """
    verifier = authenticator(settings)

    def authenticate(token: str, certificate: bytes | None) -> Caller | NotAuthenticated:
        if bound and certificate is None:
            return NotAuthenticated(NOT_BOUND)
        return verifier.authenticate(token, certificate)

    return authenticate


def operator(settings: Settings) -> Caller | NotAuthenticated:
    """Return who asks on this command line, by the token that is set, or one of our own issuer in development."""
    token = settings.token()
    if not token:
        try:
            token = operators_token(settings)
        except IssuerRefused:
            return NotAuthenticated("TOKEN_MISSING")
    return authenticator(settings).authenticate(token, channel="CLI")


def operators_token(settings: Settings) -> str:
    """Return a token of our own issuer for the agency, role and officer of the settings; raises IssuerRefused."""
    subject = Subject(CLIENT, settings.agency, settings.role, settings.actor, "LOCAL_USER")
    return development_issuer(settings).issue(subject, int(time.time()), str(uuid.uuid4()))


class _Agreements:
    """The agreements, followed from the first question on: most looks name none."""

    def __init__(self, bootstrap: str, opened: ExitStack, known_seconds: float) -> None:
        """`known_seconds` is how long a question waits at most until agreements are known."""
        self._bootstrap = bootstrap
        self._opened = opened
        self._known_seconds = known_seconds
        self._lock = threading.Lock()
        self._followed: FollowedAgreements | None = None

    def active(self, agreement_id: str, agency: str, at: int) -> Agreement | None:
        """Return the agreement of this agency as it is now; raises KafkaException, or TimeoutError while not known."""
        return self._following().active(agreement_id, agency, at)

    def wait(self) -> None:
        """Wait until they are known, ahead of a question that must not fail for that; raises TimeoutError."""
        self._following().wait()

    def _following(self) -> FollowedAgreements:
        with self._lock:
            if self._followed is None:
                followed = FollowedAgreements(self._bootstrap, known_seconds=self._known_seconds)
                self._followed = self._opened.enter_context(followed)
            return self._followed


@contextmanager
def gate(settings: Settings, bootstrap: str, reviews: Reviews, *, under_agreement: bool = False) -> Iterator[Gate]:
    """Lend what requests are judged by; where no policy set was ever activated, the shipped one is, first.

    `reviews` tells which emergencies wait. `under_agreement` waits for the agreements too: who asks once, under one,
    would else be refused for beginning. Raises TimeoutError when policies or agreements can't be read.
    """
    with (
        FollowedPolicies(bootstrap) as policies,
        closing(Quotas(_counts(settings), settings.gateways)) as quotas,
        ExitStack() as opened,
    ):
        if not policies.activations:
            activate(bootstrap, policy.shipped(), _BY)
            _wait_for(policies)
        agreements = _Agreements(bootstrap, opened, settings.audit_seconds / 2)
        if under_agreement:
            agreements.wait()
        yield Gate(policies.current, agreements, quotas, reviews)


def activate(bootstrap: str, found: policy.Policies, by: str) -> None:
    """Have the policy set serve at every gateway; raises KafkaException or TimeoutError."""
    policy_feed.activate(bootstrap, policy_feed.activation(found, by, time.time_ns() // 1000))


def _wait_for(policies: FollowedPolicies) -> None:
    deadline = time.monotonic() + policy_feed.READY_SECONDS
    while policies.current() is None:
        if time.monotonic() > deadline:
            raise TimeoutError("the shipped policies do not serve")
        time.sleep(0.05)


def _counts(settings: Settings) -> Path:
    return settings.data.resolve() / "quotas" / f"{settings.gateway}.sqlite"
