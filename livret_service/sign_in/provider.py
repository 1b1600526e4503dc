"""The provider as this service sees it: Authlib's client, with what the certification and RFC 9700 ask beyond it."""

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import private_key_jwt_sign
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from livret_service.sign_in.checks import (
    IdTokenClaims,
    IdTokenRefused,
    ProviderRefused,
    ProviderUnavailable,
    SignInFailed,
    check_id_token,
    read_header,
)
from livret_service.sign_in.keys import (
    BadSignature,
    IssuerKey,
    UnknownKey,
    choose_key,
    read_jwk_set,
    verified_claims,
)
from livret_service.sign_in.transport import TIMEOUT_SECONDS, BoundedSession
from shared.clock import Clock
from shared.settings import is_loopback

CACHE_LIFE = timedelta(minutes=10)
STALE_LIFE = timedelta(hours=2)
"""How long keys and addresses are believed while the provider does not answer."""
PROBE_LIFE = timedelta(seconds=5)
"""How long one look at the provider stands for the next ones."""
REFETCH_PAUSE = timedelta(minutes=1)
REFETCH_CEILING = 20
"""JWKS refetches in one pause, for all unknown `kid` together."""
ASSERTION_LIFE_SECONDS = 60
REQUIRED_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL_ENDPOINTS = ("end_session_endpoint", "userinfo_endpoint")

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


@dataclass(frozen=True, slots=True)
class ClientKey:
    """The private key of `private_key_jwt` (RFC 7523): RS256 for RSA, ES256 for P-256."""

    key: RSAKey | ECKey
    kid: str

    @property
    def algorithm(self) -> str:
        """The algorithm that this kind of key signs with."""
        return "RS256" if isinstance(self.key, RSAKey) else "ES256"

    def public_jwks(self) -> dict[str, Any]:
        """The JWKS to register at the provider: public members only."""
        public = self.key.as_dict(private=False)
        return {"keys": [public | {"kid": self.kid, "use": "sig", "alg": self.algorithm}]}


def load_client_key(path: Path) -> ClientKey:
    """The key of a PEM or JWK file. Raises ValueError when it is no private RSA or P-256 key, OSError."""
    content = path.read_bytes()
    try:
        key = _import_key(content)
    except (JoseError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a key") from error
    if not isinstance(key, RSAKey | ECKey) or not key.is_private:
        raise ValueError("not a private RSA or P-256 key")
    if isinstance(key, ECKey) and key.curve_name != "P-256":
        raise ValueError("not a P-256 key")
    return ClientKey(key, key.thumbprint())


def _import_key(content: bytes) -> Key:
    if content.lstrip().startswith(b"{"):
        return JWKRegistry.import_key(json.loads(content))
    # A PEM of PKCS 8 names its kind only inside.
    is_elliptic = isinstance(load_pem_private_key(content, password=None), EllipticCurvePrivateKey)
    return JWKRegistry.import_key(content, "EC" if is_elliptic else "RSA")


class ClientAssertion(PrivateKeyJWT):
    """`private_key_jwt` with a `kid`, a life of one minute instead of an hour, and a new `jti` each time."""

    def __init__(self, client_key: ClientKey, clock: Clock) -> None:
        super().__init__(alg=client_key.algorithm)
        self.client_key = client_key
        self.clock = clock

    def sign(self, auth: Any, token_endpoint: str) -> str:
        """One assertion for one request (RFC 7523 3)."""
        return str(
            private_key_jwt_sign(
                self.client_key.key,
                client_id=auth.client_id,
                token_endpoint=token_endpoint,
                alg=self.alg,
                header={"kid": self.client_key.kid},
                issued_at=int(self.clock().timestamp()),
                expires_in=ASSERTION_LIFE_SECONDS,
            )
        )


def encode_client_secret_basic(
    auth: Any, _method: str, uri: str, headers: Any, body: Any
) -> tuple[str, Any, Any]:
    """`client_secret_basic` with both parts form-urlencoded first (RFC 6749 2.3.1)."""
    pair = f"{quote_plus(auth.client_id)}:{quote_plus(auth.client_secret)}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return uri, headers, body


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
    ) -> None:
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
                self._metadata = Cached(
                    read_metadata(self._fetch(self._discovery_url), self.issuer), self._clock()
                )
                self._last_look = (self._clock(), True)
        except SignInFailed as failure:
            log.warning("provider_discovery_failed", reason=failure.detail)
            self._last_look = (self._clock(), False)
            if isinstance(failure, ProviderRefused):
                # It answers, but as another issuer than ours: nothing learned from it holds any more.
                self._metadata = self._keys = None
        finally:
            self._lock.release()

    @property
    def _discovery_url(self) -> str:
        return self.issuer.removesuffix("/") + "/.well-known/openid-configuration"

    def _current(self, cached: Cached | None, life: timedelta) -> Any:
        return None if cached is None or self._clock() - cached.fetched_at >= life else cached.value

    def _fetch(self, url: str) -> object:
        """A JSON document of the provider. Raises ProviderUnavailable."""
        try:
            with BoundedSession() as session:
                response = session.request("GET", url, withhold_token=True, headers=self._own_name)
            response.raise_for_status()
            if response.is_redirect:
                raise ProviderUnavailable("redirect")
            return response.json()
        except (requests.RequestException, ValueError, RecursionError) as error:
            raise ProviderUnavailable(type(error).__name__) from None

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

    def _allowed_algorithms(self) -> tuple[str, ...]:
        """Ours, narrowed by what the provider says: it can take away, never add."""
        said = self.load_server_metadata().get("id_token_signing_alg_values_supported", self.algorithms)
        return tuple(algorithm for algorithm in self.algorithms if algorithm in said)

    def _verified(self, id_token: str, header: Mapping[str, Any]) -> dict[str, Any]:
        # Rotation is seen at once: an unknown `kid`, or another key under a known one, fetches the set again.
        try:
            return verified_claims(id_token, choose_key(self._issuer_keys(), header), header["alg"])
        except (UnknownKey, BadSignature) as doubt:
            if not self._may_refetch(f"{type(doubt).__name__} {header.get('kid')}"):
                raise
        self._keys = None
        return verified_claims(id_token, choose_key(self._issuer_keys(), header), header["alg"])

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

    def sign_out_url(self, **parameters: str) -> str | None:
        """The provider's end-session address (RP-Initiated Logout 2), or None when there is none to go to."""
        try:
            if not self.is_reachable() or not self.load_server_metadata().get("end_session_endpoint"):
                return None
            return str(self.create_logout_url(**parameters)["url"])
        except ProviderUnavailable:
            return None


def read_metadata(document: object, issuer: str) -> dict[str, Any]:
    """The members that are used, after the issuer was compared to the character (Discovery 4.3).

    Only these: Authlib hands the rest to its HTTP session, where a member called `verify` would turn off TLS checks.
    Raises ProviderRefused.
    """
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise ProviderRefused("issuer mismatch")
    metadata: dict[str, Any] = {"issuer": issuer}
    for name in (*REQUIRED_ENDPOINTS, *OPTIONAL_ENDPOINTS):
        url = document.get(name)
        if url is None and name in OPTIONAL_ENDPOINTS:
            continue
        if not isinstance(url, str) or not is_protocol_url(url, issuer):
            raise ProviderRefused(name)
        metadata[name] = url
    algorithms = document.get("id_token_signing_alg_values_supported")
    if isinstance(algorithms, list):
        metadata["id_token_signing_alg_values_supported"] = algorithms
    metadata["authorization_response_iss_parameter_supported"] = (
        document.get("authorization_response_iss_parameter_supported") is True
    )
    return metadata


def is_protocol_url(url: str, issuer: str) -> bool:
    """https, or plain http on loopback for an issuer that is there itself."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return False
    loopback = (
        parts.scheme == "http" and is_loopback(parts.hostname) and is_loopback(urlsplit(issuer).hostname)
    )
    return parts.scheme == "https" or loopback


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
