"""This service as a client of its provider: what every use case needs to know of it."""

from dataclasses import dataclass
from datetime import timedelta

from livret_service.settings import RequestForm, Settings
from livret_service.sign_in.client_authentication import ClientKey, load_client_key
from livret_service.sign_in.client_file import read_registration
from livret_service.sign_in.provider import Provider
from livret_service.sign_in.rules import SessionLimits
from shared.clock import Clock
from shared.sealing import derive_key
from shared.settings import SettingsRefused


@dataclass(frozen=True, slots=True)
class Options:
    """What the certification asks beyond the livret service's own needs. All off by default.

    asks_userinfo: after each sign-in, whatever the ID token holds. is_answered_by_post: `form_post`.
    """

    asks_userinfo: bool = False
    is_answered_by_post: bool = False
    request_form: RequestForm = RequestForm.PARAMETERS


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """What every use case needs of this service: its provider, its keys, its limits. One per worker."""

    provider: Provider
    public_url: str
    attempt_key: bytes
    sealing_key: bytes
    sign_out_key: bytes
    handle_key: bytes
    limits: SessionLimits
    max_age: timedelta | None
    options: Options

    @property
    def redirect_uri(self) -> str:
        """Where authorization answers come back."""
        return self.public_url + "/retour"


def relying_party(settings: Settings, clock: Clock) -> RelyingParty:
    """This worker's side of the protocol. Reaches nobody yet. Raises SettingsRefused on a key that cannot be read."""
    client_id, client_secret = read_client(settings)
    provider = Provider(
        issuer=settings.issuer,
        client_id=client_id,
        client_secret=client_secret,
        client_key=read_client_key(settings),
        scope=settings.scope,
        algorithms=(settings.signature_algorithm,),
        clock=clock,
        userinfo_algorithm=settings.userinfo_algorithm,
        webfinger_resource=settings.webfinger_resource,
    )
    return RelyingParty(
        provider=provider,
        public_url=settings.public_url,
        # One key a purpose, from the service's secret (RFC 5869).
        attempt_key=derive_key(settings.secret_key, "sign-in attempt"),
        sealing_key=derive_key(settings.secret_key, "guardian session"),
        sign_out_key=derive_key(settings.secret_key, "sign-out state"),
        handle_key=derive_key(settings.secret_key, "request object address"),
        limits=SessionLimits(
            renew_after=timedelta(seconds=settings.renewal_seconds),
            idle=timedelta(minutes=settings.session_minutes),
            absolute=timedelta(hours=settings.session_hours),
        ),
        max_age=timedelta(seconds=settings.max_age_seconds) if settings.max_age_seconds else None,
        options=Options(
            asks_userinfo=settings.asks_userinfo,
            is_answered_by_post=settings.is_answered_by_post,
            request_form=settings.request_form,
        ),
    )


def read_client(settings: Settings) -> tuple[str, str]:
    """This client's name and secret (empty where it has a key). Raises SettingsRefused."""
    if settings.client_file is None:
        return settings.client_id, settings.client_secret
    try:
        registered = read_registration(settings.client_file, settings.issuer)
    except (OSError, ValueError) as error:
        raise SettingsRefused([f"LIVRET_CLIENT_FILE: {error}"]) from None
    if not registered.client_secret and settings.client_key_file is None:
        raise SettingsRefused(["LIVRET_CLIENT_KEY_FILE: must be set, the client file holds no secret"])
    return registered.client_id, registered.client_secret


def read_client_key(settings: Settings) -> ClientKey | None:
    """The key of `private_key_jwt`, loaded once. Raises SettingsRefused."""
    if settings.client_key_file is None:
        return None
    try:
        return load_client_key(settings.client_key_file)
    except (OSError, ValueError):
        raise SettingsRefused(["LIVRET_CLIENT_KEY_FILE: is not a private RSA or P-256 key"]) from None
