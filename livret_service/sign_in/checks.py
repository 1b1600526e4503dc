"""What must hold before anyone is signed in: each check one clause, and the tuples give their order. Pure."""

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from livret_service.errors import DomainError
from livret_service.sign_in.rules import READING_HOME

LEEWAY = timedelta(seconds=30)
"""Clocks of two services differ by less; a token is never accepted longer past its end."""
MAXIMUM_AGE = timedelta(minutes=5)
"""An ID token is made when its code is redeemed: an older one was not made for this answer."""
MAXIMUM_ID_TOKEN_LENGTH = 32_768
MAXIMUM_TEXT_LENGTH = 255
ID_TOKEN_TYPES = frozenset({"jwt"})
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# The hash of `at_hash` (OpenID Connect Core 3.1.3.6) for each algorithm that may be pinned.
HALF_HASHES = {
    "RS256": hashlib.sha256,
    "PS256": hashlib.sha256,
    "ES256": hashlib.sha256,
    "RS384": hashlib.sha384,
    "PS384": hashlib.sha384,
    "ES384": hashlib.sha384,
    "RS512": hashlib.sha512,
    "PS512": hashlib.sha512,
    "ES512": hashlib.sha512,
    "EdDSA": hashlib.sha512,
    "Ed25519": hashlib.sha512,
}


class SignInFailed(DomainError):
    """Nobody is signed in.

    `title` heads the page, `way_on` is its one button, `status` its HTTP status, `target` the page that was wanted.
    """

    title: ClassVar[str] = "La connexion n’a pas abouti"
    way_on: ClassVar[str] = "Recommencer la connexion"
    status: ClassVar[int] = 400
    target: str = READING_HOME


class AttemptUnknown(SignInFailed):
    """The answer's `state` belongs to no open attempt of this browser (RFC 6749 10.12)."""

    error_code = "attempt_unknown"
    sentence = (
        "Cette tentative de connexion n’est plus valable : elle a déjà servi, elle date de plus de dix minutes, "
        "ou elle a commencé dans un autre navigateur."
    )


class AnswerRefused(SignInFailed):
    """The authorization answer is not one of the configured provider (RFC 9207 2.4), or holds no code."""

    error_code = "answer_refused"
    sentence = (
        "La réponse reçue ne vient pas du service de connexion attendu. Par sécurité, elle a été refusée."
    )


class IdTokenRefused(SignInFailed):
    """A check of the ID token failed; `detail` says which, for the log alone."""

    error_code = "id_token_refused"
    sentence = (
        "L’identité reçue du service de connexion n’a pas pu être vérifiée. Par sécurité, elle a été refusée."
    )


class AuthenticationTooOld(IdTokenRefused):
    """`auth_time` is missing or older than the `max_age` that was asked for (Core 3.1.3.7, 13)."""

    error_code = "authentication_too_old"
    sentence = "Votre connexion est trop ancienne pour ce service. Connectez-vous de nouveau."


class UserinfoRefused(IdTokenRefused):
    """The userinfo answer is of another person, or not signed as agreed (Core 5.3.2, 5.3.4)."""

    error_code = "userinfo_refused"


class OtherAccount(SignInFailed):
    """The provider answers for another person than the one whose session was to be renewed."""

    error_code = "other_account"
    title = "Vous avez changé de compte"
    way_on = "Continuer avec le compte actuel"
    sentence = (
        "Un autre compte s’est connecté dans ce navigateur. Par sécurité, la session précédente est fermée. "
        "Les livrets affichés seront ceux du compte actuel."
    )
    status = 200


class SignInCancelled(SignInFailed):
    """The person turned back (RFC 6749 4.1.2.1 `access_denied`)."""

    error_code = "sign_in_cancelled"
    title = "Vous avez annulé"
    sentence = "Vous avez annulé la connexion. Aucune information n’a été transmise à ce service."
    status = 200


class InteractionNeeded(SignInFailed):
    """The provider cannot answer without showing a page (Core 3.1.2.6): the person is no longer signed in there."""

    error_code = "interaction_needed"
    title = "Votre session est terminée"
    way_on = "Se reconnecter"
    sentence = "Vous n’êtes plus connecté. Reconnectez-vous pour continuer : vous reviendrez à la même page."
    status = 200


class ProviderRefused(SignInFailed):
    """The provider refused the request itself: a matter of configuration."""

    error_code = "provider_refused"
    sentence = (
        "Le service de connexion a refusé la demande de ce service. Ce n’est pas de votre fait. "
        "Réessayez plus tard ou signalez-le à l’école."
    )


class ProviderUnavailable(SignInFailed):
    """The provider does not answer, or says that it cannot now."""

    error_code = "provider_unavailable"
    title = "Le service de connexion ne répond pas"
    way_on = "Réessayer"
    sentence = "Le service de connexion est momentanément indisponible. Réessayez dans quelques minutes."
    status = 503


class ChildrenNotGiven(SignInFailed):
    """The ID token holds no usable `children` claim: this service then has nothing to show."""

    error_code = "children_not_given"
    title = "Vos enfants n’ont pas été transmis"
    sentence = "Le service de connexion n’a pas transmis la liste de vos enfants. Sans elle, aucun livret ne peut être affiché."
    status = 403


PROVIDER_ERRORS: dict[str, type[SignInFailed]] = {
    "access_denied": SignInCancelled,
    "login_required": InteractionNeeded,
    "interaction_required": InteractionNeeded,
    "account_selection_required": InteractionNeeded,
    "consent_required": InteractionNeeded,
    "temporarily_unavailable": ProviderUnavailable,
    "server_error": ProviderUnavailable,
}


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer:
    """The parameters that came to /retour, beside what the provider's metadata promised."""

    parameters: Mapping[str, str]
    issuer: str
    issuer_is_always_sent: bool


def check_answer_issuer(answer: AuthorizationAnswer) -> None:
    """RFC 9207 2.4: `iss` equals the issuer, and is there when metadata promise it. Raises AnswerRefused."""
    issuer = answer.parameters.get("iss")
    if issuer is None and not answer.issuer_is_always_sent:
        return
    if issuer != answer.issuer:
        raise AnswerRefused("iss")


def check_answer_error(answer: AuthorizationAnswer) -> None:
    """RFC 6749 4.1.2.1: an error is told in words of ours. Raises the SignInFailed of its constant."""
    error = answer.parameters.get("error")
    if error is not None:
        raise PROVIDER_ERRORS.get(error, ProviderRefused)(error[:100])


def check_answer_code(answer: AuthorizationAnswer) -> None:
    """RFC 6749 4.1.2: a code of a size that a request line holds. Raises AnswerRefused."""
    authorization_code = answer.parameters.get("code", "")
    if not 0 < len(authorization_code) <= 2048:
        raise AnswerRefused("code")


ANSWER_CHECKS: tuple[Callable[[AuthorizationAnswer], None], ...] = (
    check_answer_issuer,
    check_answer_error,
    check_answer_code,
)


def check_authorization_answer(answer: AuthorizationAnswer) -> None:
    """Every check of the answer, in order; `state` was taken before (RFC 9700 4.7). Raises SignInFailed."""
    for check in ANSWER_CHECKS:
        check(answer)


def read_header(
    signed: str, algorithms: tuple[str, ...], types: frozenset[str] = ID_TOKEN_TYPES
) -> dict[str, Any]:
    """The JOSE header of a well-formed compact token, before any key is touched (RFC 7515 5.2, RFC 8725 3).

    types: the values of `typ` that this kind of token may have, in lower case (RFC 8725 3.11); absent is `jwt`.
    Sizes come first: nothing is decoded of a token that is too long. Raises IdTokenRefused.
    """
    if len(signed) > MAXIMUM_ID_TOKEN_LENGTH:
        raise IdTokenRefused("size")
    if COMPACT.fullmatch(signed) is None:
        raise IdTokenRefused("form")
    header = _decode_object(signed.partition(".")[0])
    if header.get("alg") not in algorithms:
        raise IdTokenRefused("alg")
    # No extension is understood here, `b64` (RFC 7797) included.
    if "crit" in header or "b64" in header:
        raise IdTokenRefused("crit")
    if not isinstance(header.get("kid", ""), str) or str(header.get("typ", "jwt")).lower() not in types:
        raise IdTokenRefused("header")
    return header


def _decode_object(segment: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise IdTokenRefused("header") from None
    if not isinstance(value, dict):
        raise IdTokenRefused("header")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedClaims:
    """The claims of a token whose signature holds, beside who must have made it, and for whom."""

    claims: Mapping[str, Any]
    issuer: str
    client_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTokenClaims(SignedClaims):
    """The claims of an ID token, beside what this attempt expects of them."""

    algorithm: str
    access_token: str
    nonce: str
    asked_at: datetime
    max_age: timedelta | None = None


def check_issuer(signed: SignedClaims) -> None:
    """Core 3.1.3.7 (2): `iss` to the character. Raises IdTokenRefused."""
    require(signed.claims.get("iss") == signed.issuer, "iss")


def check_audience(signed: SignedClaims) -> None:
    """Core 3.1.3.7 (3): this client and nobody else; another audience is another trust. Raises IdTokenRefused."""
    require(signed.claims.get("aud") in (signed.client_id, [signed.client_id]), "aud")


def check_authorized_party(id_token: IdTokenClaims) -> None:
    """Core 3.1.3.7 (5): `azp`, when there, is this client. Raises IdTokenRefused."""
    require(id_token.claims.get("azp", id_token.client_id) == id_token.client_id, "azp")


def check_expiry(signed: SignedClaims) -> None:
    """Core 3.1.3.7 (9): `exp` is not past by more than the leeway. Raises IdTokenRefused."""
    require(instant(signed, "exp") > (signed.now - LEEWAY).timestamp(), "exp")


def check_issued_at(id_token: IdTokenClaims) -> None:
    """Core 3.1.3.7 (10): `iat` is of this minute, neither old nor yet to come. Raises IdTokenRefused."""
    issued_at = instant(id_token, "iat")
    require(issued_at <= (id_token.now + LEEWAY).timestamp(), "iat in the future")
    require(issued_at >= (id_token.now - MAXIMUM_AGE - LEEWAY).timestamp(), "iat too old")


def check_not_before(signed: SignedClaims) -> None:
    """RFC 7519 4.1.5: `nbf`, when there, has come. Raises IdTokenRefused."""
    if "nbf" in signed.claims:
        require(instant(signed, "nbf") <= (signed.now + LEEWAY).timestamp(), "nbf")


def check_nonce(id_token: IdTokenClaims) -> None:
    """Core 3.1.3.7 (11): the nonce of this attempt; no claim of the token waives it. Raises IdTokenRefused."""
    nonce = id_token.claims.get("nonce")
    require(isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), id_token.nonce.encode()), "nonce")


def check_access_token_hash(id_token: IdTokenClaims) -> None:
    """Core 3.1.3.8: `at_hash`, when there, is of this access token; an unknown hash fails. Raises IdTokenRefused."""
    if "at_hash" not in id_token.claims:
        return
    hash_of = HALF_HASHES.get(id_token.algorithm)
    if hash_of is None:
        raise IdTokenRefused("at_hash")
    whole = hash_of(id_token.access_token.encode()).digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    require(id_token.claims["at_hash"] == half, "at_hash")


def check_authentication_time(id_token: IdTokenClaims) -> None:
    """Core 3.1.3.7 (13): `auth_time` is an instant, and recent enough when `max_age` was asked.

    Raises IdTokenRefused, AuthenticationTooOld.
    """
    if "auth_time" in id_token.claims:
        require(instant(id_token, "auth_time") <= (id_token.now + LEEWAY).timestamp(), "auth_time")
    if id_token.max_age is None:
        return
    oldest = (id_token.asked_at - id_token.max_age - LEEWAY).timestamp()
    if "auth_time" not in id_token.claims or instant(id_token, "auth_time") < oldest:
        raise AuthenticationTooOld("auth_time")


def check_subject(signed: SignedClaims) -> None:
    """Core 2: `sub` is a string of 1 to 255 ASCII characters. Raises IdTokenRefused."""
    subject = signed.claims.get("sub")
    require(isinstance(subject, str) and 0 < len(subject) <= MAXIMUM_TEXT_LENGTH and subject.isascii(), "sub")


def check_session_identifier(signed: SignedClaims) -> None:
    """Back-Channel Logout 2.1: `sid`, when there, is a string. Raises IdTokenRefused."""
    sid = signed.claims.get("sid", "absent")
    require(isinstance(sid, str) and 0 < len(sid) <= MAXIMUM_TEXT_LENGTH, "sid")


ID_TOKEN_CHECKS: tuple[Callable[[IdTokenClaims], None], ...] = (
    check_issuer,
    check_audience,
    check_authorized_party,
    check_expiry,
    check_issued_at,
    check_not_before,
    check_nonce,
    check_access_token_hash,
    check_subject,
    check_session_identifier,
    check_authentication_time,  # last: it alone invites to sign in again
)


def check_id_token(id_token: IdTokenClaims) -> None:
    """Every check of an ID token's claims, in order. The signature was verified before. Raises IdTokenRefused."""
    for check in ID_TOKEN_CHECKS:
        check(id_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserinfoClaims(SignedClaims):
    """A userinfo answer, beside the subject of the ID token that it belongs to."""

    subject: str
    is_signed: bool


def check_userinfo_issuer(userinfo: UserinfoClaims) -> None:
    """Core 5.3.2: a signed answer names its issuer. Raises IdTokenRefused."""
    if userinfo.is_signed:
        check_issuer(userinfo)


def check_userinfo_audience(userinfo: UserinfoClaims) -> None:
    """Core 5.3.2: a signed answer is for this client. Raises IdTokenRefused."""
    if userinfo.is_signed:
        check_audience(userinfo)


def check_userinfo_expiry(userinfo: UserinfoClaims) -> None:
    """RFC 7519 4.1.4: `exp`, when there, is not past. Raises IdTokenRefused."""
    if userinfo.is_signed and "exp" in userinfo.claims:
        check_expiry(userinfo)


def check_userinfo_subject(userinfo: UserinfoClaims) -> None:
    """Core 5.3.2: `sub` is the ID token's, or nothing of the answer counts. Raises IdTokenRefused."""
    require(userinfo.claims.get("sub") == userinfo.subject, "userinfo sub")


USERINFO_CHECKS: tuple[Callable[[UserinfoClaims], None], ...] = (
    check_userinfo_issuer,
    check_userinfo_audience,
    check_userinfo_expiry,
    check_userinfo_subject,
)


def check_userinfo(userinfo: UserinfoClaims) -> None:
    """Every check of a userinfo answer, in order. Raises UserinfoRefused."""
    try:
        for check in USERINFO_CHECKS:
            check(userinfo)
    except IdTokenRefused as refusal:
        raise UserinfoRefused(refusal.detail) from None


def require(holds: bool, claim: str) -> None:  # noqa: FBT001 - the condition itself
    """One condition on one claim. Raises IdTokenRefused, which names the claim to the log."""
    if not holds:
        raise IdTokenRefused(claim)


def instant(signed: SignedClaims, claim: str) -> float:
    """A claim that is a NumericDate (RFC 7519 2), in seconds. Raises IdTokenRefused."""
    value = signed.claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IdTokenRefused(claim)
    if isinstance(value, float) and not math.isfinite(value):
        raise IdTokenRefused(claim)
    return value
