"""The provider as this service sees it: Authlib's client, with what the certification and RFC 9700 ask beyond it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App

from livret_service.sign_in.checks import (
    IdTokenClaims,
    IdTokenRefused,
    ProviderRefused,
    ProviderUnavailable,
    SignedClaims,
    SignInFailed,
    UserinfoClaims,
    UserinfoRefused,
    check_id_token,
    check_userinfo,
    read_header,
)
from livret_service.sign_in.client_authentication import (
    ClientAssertion,
    ClientKey,
    encode_client_secret_basic,
)
from livret_service.sign_in.discovery import check_webfinger, read_metadata, webfinger_url
from livret_service.sign_in.keys import (
    BadSignature,
    IssuerKey,
    UnknownKey,
    choose_key,
    read_jwk_set,
    verified_claims,
)
from livret_service.sign_in.logout_checks import LOGOUT_TOKEN_TYPES, LogoutTokenRefused, check_logout_token
from livret_service.sign_in.transport import TIMEOUT_SECONDS, BoundedSession
from shared.clock import Clock

CACHE_LIFE = timedelta(minutes=10)
STALE_LIFE = timedelta(hours=2)
"""How long keys and addresses are believed while the provider does not answer."""
PROBE_LIFE = timedelta(seconds=5)
"""How long one look at the provider stands for the next ones."""
REFETCH_PAUSE = timedelta(minutes=1)
REFETCH_CEILING = 20
"""JWKS refetches in one pause, for all unknown `kid` together."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint gave, both as opaque text."""

    id_token: str
    access_token: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What one attempt expects of its ID token. `max_age` only when it was asked for."""

    nonce: str
    asked_at: datetime
    max_age: timedelta | None = None


@dataclass(slots=True)
class Cached:
    """A document of the provider, and when it was fetched."""

    value: Any
    fetched_at: datetime


class Provider(FlaskOAuth2App):
    """Authlib's client for exactly one issuer. One per worker, shared by its threads.

    Differs from its base: the issuer is compared, documents are kept ten minutes and not for ever, algorithms are
    pinned by setting, an ID token is required and passes `checks.ID_TOKEN_CHECKS`, and every failure is a
    SignInFailed. Attempts live in the database, so nothing here touches Flask's session.
    """

    client_cls = BoundedSession

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        client_key: ClientKey | None,
        scope: str,
        algorithms: tuple[str, ...],
        clock: Clock,
        userinfo_algorithm: str | None = None,
        webfinger_resource: str | None = None,
    ) -> None:
        """userinfo_algorithm: of signed userinfo answers; None where they are plain JSON.

        webfinger_resource: an identifier whose WebFinger answer must name the issuer, asked before discovery.
        """
        super().__init__(
            None,  # no framework: state is ours, and tokens are never refreshed
            "provider",
            client_id=client_id,
            client_secret=None if client_key else client_secret,
            client_kwargs={
                "scope": scope,
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT_SECONDS,
                "token_endpoint_auth_method": "private_key_jwt" if client_key else "client_secret_basic",
            },
            client_auth_methods=[
                ("private_key_jwt", ClientAssertion(client_key, clock))
                if client_key
                else ("client_secret_basic", encode_client_secret_basic)
            ],
            user_agent="livret",
        )
        self.issuer = issuer
        self.client_key = client_key
        self.algorithms = algorithms
        # Told to the provider with each fetch of its keys: it then knows that we hold the one that signs next.
        self._own_name = {"User-Agent": f"livret (client_id={quote(client_id, safe='')})"}
        self.userinfo_algorithm = userinfo_algorithm
        self.webfinger_resource = webfinger_resource
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: Cached | None = None
        self._keys: Cached | None = None
        self._last_look: tuple[datetime, bool] | None = None
        self._refetches: dict[str, datetime] = {}

    def load_server_metadata(self) -> dict[Any, Any]:
        """The members of discovery that are used here, at most ten minutes old. Raises ProviderUnavailable.

        While the provider does not answer, what it said within the last two hours holds.
        """
        metadata = self._current(self._metadata, CACHE_LIFE)
        if metadata is None and self._may_look():
            self._look()
            metadata = self._current(self._metadata, CACHE_LIFE)
        metadata = metadata or self._current(self._metadata, STALE_LIFE)
        if metadata is None:
            raise ProviderUnavailable("discovery")
        return dict(metadata)

    def is_reachable(self) -> bool:
        """Whether the provider answered when it was last looked at, within five seconds."""
        if self._may_look():
            self._look()
        return self._last_look is not None and self._last_look[1]

    def _may_look(self) -> bool:
        return self._last_look is None or self._clock() - self._last_look[0] >= PROBE_LIFE

    def _look(self) -> None:
        # One thread looks; the others go on with what the last look said, not behind a slow answer.
        if not self._lock.acquire(blocking=self._last_look is None):
            return
        try:
            if self._may_look():
                self._metadata = Cached(self._discover(), self._clock())
                self._last_look = (self._clock(), True)
        except SignInFailed as failure:
            log.warning("provider_discovery_failed", reason=failure.detail)
            self._last_look = (self._clock(), False)
            if isinstance(failure, ProviderRefused):
                # It answers, but as another issuer than ours: nothing learned from it holds any more.
                self._metadata = self._keys = None
        finally:
            self._lock.release()

    def _discover(self) -> dict[str, Any]:
        if self.webfinger_resource:
            check_webfinger(self._fetch(webfinger_url(self.webfinger_resource, self.issuer)), self.issuer)
        url = self.issuer.removesuffix("/") + "/.well-known/openid-configuration"
        return read_metadata(self._fetch(url), self.issuer)

    def _current(self, cached: Cached | None, life: timedelta) -> Any:
        return None if cached is None or self._clock() - cached.fetched_at >= life else cached.value

    def _fetch(self, url: str) -> object:
        """A JSON document of the provider. Raises ProviderUnavailable."""
        try:
            return self._get(url).json()
        except (ValueError, RecursionError) as error:
            raise ProviderUnavailable(type(error).__name__) from None

    def _get(self, url: str, **headers: str) -> requests.Response:
        """A good answer of the provider, not a redirect. Raises ProviderUnavailable."""
        try:
            with BoundedSession() as session:
                response = session.request("GET", url, withhold_token=True, headers=self._own_name | headers)
            response.raise_for_status()
        except (requests.RequestException, ValueError) as error:
            raise ProviderUnavailable(type(error).__name__) from None
        if response.is_redirect:
            raise ProviderUnavailable("redirect")
        return response

    def authorization_url(self, redirect_uri: str, **parameters: Any) -> str:
        """Where to send the browser: code flow, S256, `state` and `nonce` (Core 3.1.2.1). Raises ProviderUnavailable."""
        built: dict[str, Any] = self.create_authorization_url(redirect_uri, **parameters)
        return str(built["url"])

    def redeem(self, authorization_code: str, *, redirect_uri: str, code_verifier: str) -> TokenAnswer:
        """Exchange the code (Core 3.1.3). Anything but a bearer token with an ID token fails closed.

        Raises ProviderRefused, ProviderUnavailable, IdTokenRefused.
        """
        try:
            answer = self.fetch_access_token(  # type: ignore[no-untyped-call]
                redirect_uri, code=authorization_code, code_verifier=code_verifier
            )
        except OAuthError as refusal:
            raise ProviderRefused(str(refusal.error)[:100]) from None
        except requests.RequestException as error:
            raise ProviderUnavailable(type(error).__name__) from None
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise IdTokenRefused(type(error).__name__) from None
        return read_token_answer(answer)

    def has_key_for_us(self) -> bool:
        """Whether the issuer publishes a key of the algorithm that is accepted. Raises ProviderUnavailable."""
        return any(
            key.fits(algorithm, key.kid)
            for key in self._issuer_keys()
            for algorithm in self._allowed_algorithms()
        )

    def verify_id_token(self, answer: TokenAnswer, expected: Expected) -> dict[str, Any]:
        """The claims of a token that passed everything: form, signature, claims. Raises SignInFailed."""
        header = read_header(answer.id_token, self._allowed_algorithms())
        claims = self._verified(answer.id_token, header)
        check_id_token(
            IdTokenClaims(
                claims=claims,
                algorithm=header["alg"],
                access_token=answer.access_token,
                issuer=self.issuer,
                client_id=self.client_id,
                nonce=expected.nonce,
                now=self._clock(),
                asked_at=expected.asked_at,
                max_age=expected.max_age,
            )
        )
        return claims

    def has_userinfo(self) -> bool:
        """Whether discovery names a userinfo endpoint. Raises ProviderUnavailable."""
        return "userinfo_endpoint" in self.load_server_metadata()

    def fetch_userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        """What userinfo says of this subject (Core 5.3), signed where that was agreed.

        Raises UserinfoRefused, ProviderUnavailable.
        """
        url = self.load_server_metadata().get("userinfo_endpoint")
        if url is None:
            raise UserinfoRefused("no endpoint")
        response = self._get(url, Authorization=f"Bearer {access_token}")
        claims = self._read_userinfo(response)
        check_userinfo(
            UserinfoClaims(
                claims=claims,
                issuer=self.issuer,
                client_id=self.client_id,
                now=self._clock(),
                subject=subject,
                is_signed=self.userinfo_algorithm is not None,
            )
        )
        return claims

    def _read_userinfo(self, response: requests.Response) -> dict[str, Any]:
        try:
            if self.userinfo_algorithm is None:
                claims = response.json()
            else:  # an unsigned answer where signed ones were agreed has no header to read
                header = read_header(response.text, (self.userinfo_algorithm,))
                claims = self._verified(response.text, header)
        except (ValueError, RecursionError) as error:
            raise UserinfoRefused(type(error).__name__) from None
        except IdTokenRefused as refusal:
            raise UserinfoRefused(refusal.detail) from None
        if not isinstance(claims, dict):
            raise UserinfoRefused("form")
        return claims

    def verify_logout_token(self, logout_token: str) -> dict[str, Any]:
        """The claims of a logout token that passed everything (Back-Channel Logout 2.6).

        Raises LogoutTokenRefused, ProviderUnavailable when its keys cannot be had.
        """
        try:
            header = read_header(logout_token, self._allowed_algorithms(), LOGOUT_TOKEN_TYPES)
            claims = self._verified(logout_token, header)
        except IdTokenRefused as refusal:
            raise LogoutTokenRefused(refusal.detail) from None
        check_logout_token(
            SignedClaims(claims=claims, issuer=self.issuer, client_id=self.client_id, now=self._clock())
        )
        return claims

    def _allowed_algorithms(self) -> tuple[str, ...]:
        """Ours, narrowed by what the provider says: it can take away, never add."""
        said = self.load_server_metadata().get("id_token_signing_alg_values_supported", self.algorithms)
        return tuple(algorithm for algorithm in self.algorithms if algorithm in said)

    def _verified(self, signed: str, header: Mapping[str, Any]) -> dict[str, Any]:
        # Rotation is seen at once: an unknown `kid`, or another key under a known one, fetches the set again.
        try:
            return verified_claims(signed, choose_key(self._issuer_keys(), header), header["alg"])
        except (UnknownKey, BadSignature) as doubt:
            if not self._may_refetch(f"{type(doubt).__name__} {header.get('kid')}"):
                raise
        self._keys = None
        return verified_claims(signed, choose_key(self._issuer_keys(), header), header["alg"])

    def _issuer_keys(self) -> tuple[IssuerKey, ...]:
        keys = self._current(self._keys, CACHE_LIFE)
        return keys if keys is not None else self._fetch_keys()

    def _fetch_keys(self) -> tuple[IssuerKey, ...]:
        old = self._current(self._keys, STALE_LIFE)
        try:
            keys = read_jwk_set(self._fetch(self.load_server_metadata()["jwks_uri"]))
        except ProviderUnavailable:
            if old is None:
                raise
            return old  # type: ignore[no-any-return]
        self._keys = Cached(keys, self._clock())
        return keys

    def _may_refetch(self, reason: str) -> bool:
        """Once a minute for one reason, and bounded for all: forged `kid` must not make us hammer the provider."""
        with self._lock:
            now = self._clock()
            recent = {why: at for why, at in self._refetches.items() if now - at < REFETCH_PAUSE}
            may = reason not in recent and len(recent) < REFETCH_CEILING
            self._refetches = recent | {reason: now} if may else recent
            return may

    def end_session_endpoint(self) -> str | None:
        """Where signing out ends at the provider (RP-Initiated Logout 2), or None when there is no such place now."""
        try:
            return self.load_server_metadata().get("end_session_endpoint") if self.is_reachable() else None
        except ProviderUnavailable:
            return None


def read_token_answer(answer: Mapping[str, Any]) -> TokenAnswer:
    """A bearer token with an ID token (Core 3.1.3.3). Raises IdTokenRefused."""
    id_token, access_token = answer.get("id_token"), answer.get("access_token")
    token_type = answer.get("token_type")
    is_bearer = isinstance(token_type, str) and token_type.lower() == "bearer"
    if (
        not is_bearer
        or not isinstance(id_token, str)
        or not isinstance(access_token, str)
        or not access_token
    ):
        raise IdTokenRefused("token answer")
    return TokenAnswer(id_token, access_token)
