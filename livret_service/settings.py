"""Every setting of the livret service: typed, with unit and default. A default may be convenient, never insecure."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, cast
from urllib.parse import urlsplit

from flask import current_app
from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import PublicUrl, SecretKey, ServiceSettings, is_loopback

NEEDED_SCOPES = {"openid", "children"}
USERINFO_SCOPES = {"profile", "email", "address", "phone"}


class RequestForm(StrEnum):
    """How the authorization request is passed: in the address, or as an object to fetch (Core 6.2)."""

    PARAMETERS = "parameters"
    SIGNED_OBJECT = "signed_object"
    UNSIGNED_OBJECT = "unsigned_object"


def check_page_url(value: str) -> str:
    """An https address, or http on loopback, without query, fragment or credentials. Kept to the character."""
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or not value.isascii() or " " in value:
        raise ValueError("must be an https address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is for loopback only")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must have no query, fragment or credentials")
    return value


def check_resource(value: str) -> str:
    """An identifier that WebFinger can be asked about: `acct:name@host`, or an https address."""
    if value.startswith("acct:"):
        name, _, host = value.removeprefix("acct:").rpartition("@")
        if not name or not host or not value.isascii() or "/" in host or " " in value:
            raise ValueError("must be acct:name@host or an https address")
        return value
    return check_page_url(value)


def check_scope(value: str) -> str:
    """Scope names parted by one space, with those that this service cannot do without."""
    if missing := NEEDED_SCOPES - set(value.split(" ")):
        raise ValueError(f"must hold {' and '.join(sorted(missing))}")
    return value


IssuerUrl = Annotated[str, AfterValidator(check_page_url)]
PageUrl = Annotated[str, AfterValidator(check_page_url)]
WebFingerResource = Annotated[str, AfterValidator(check_resource)]
Scope = Annotated[str, AfterValidator(check_scope)]


class Settings(ServiceSettings):
    """Read from `LIVRET_…` in the environment, or from files of the same names in `LIVRET_SECRETS_DIR`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        **ServiceSettings.model_config | {"env_prefix": "LIVRET_"}
    )

    public_url: PublicUrl
    """Public address of this service; its redirect URIs start with it."""
    database_url: str
    """SQLAlchemy address of the database, `sqlite:///…` or `postgresql://…`."""
    secret_key: SecretKey
    """Signs form tokens. 32 bytes in base64."""
    issuer: IssuerUrl
    """The provider, exactly as it names itself in discovery, final slash included."""
    client_id: str = ""
    """This service's name at the provider; needed unless there is a client file."""
    client_key_file: Path | None = None
    """Private key (PEM or JWK) for `private_key_jwt`; stands before `client_secret`."""
    client_secret: str = Field(default="", repr=False)
    """Secret for `client_secret_basic`, where there is no key file."""
    scope: Scope = "openid children children.ine"
    """Scopes asked for; `openid` and `children` are among them."""
    signature_algorithm: Literal["RS256", "PS256", "ES256", "Ed25519"] = "RS256"
    """The one algorithm that ID tokens are accepted with, whatever discovery says."""
    max_age_seconds: int | None = Field(default=None, ge=60, le=86400)
    """Age of a sign-in at the provider beyond which it asks again; none by default."""

    client_file: Path | None = None
    """Registration that `livret client register` wrote; stands before `client_id` and `client_secret`."""
    sign_out_method: Literal["post", "get"] = "post"
    """How the browser takes the ID token to the provider when signing out; `get` leaves it in addresses and logs."""
    userinfo: bool = False
    """Whether userinfo is asked after each sign-in; it is in any case when the scope names `profile`, `email`,
    `address` or `phone`, or when the ID token names no children."""
    userinfo_algorithm: Literal["RS256", "PS256", "ES256", "Ed25519"] | None = None
    """The one algorithm of signed userinfo answers, as registered; none where they are plain JSON."""
    response_mode: Literal["query", "form_post"] = "query"
    """How authorization answers come back; `form_post` lets `/retour` take posts."""
    request_form: RequestForm = RequestForm.PARAMETERS
    """How authorization requests are passed: `parameters`, or as an object at `/connexion/requete/…`:
    `signed_object` with the client's key, `unsigned_object` for certification runs alone."""
    webfinger_resource: WebFingerResource | None = None
    """Identifier (`acct:…` or an address) whose WebFinger answer must name the issuer, asked before discovery."""
    watches_session: bool = False
    """Whether pages ask the provider's session frame every few seconds if the session there is still the same."""

    service_name: str = "Livret scolaire"
    """Name on pages."""
    provider_name: str = "Compte École"
    """Name of the sign-in service on pages."""
    activation_url: PageUrl | None = None
    """Page for a first sign-in with the school's letter; by default the provider's `/activation`."""
    theme_dir: Path | None = None
    """A folder searched before the built-in theme, file by file."""
    renewal_seconds: int = Field(default=60, ge=10, le=60)
    """Age at which a session is renewed at the provider without showing anything (prompt=none)."""
    session_minutes: int = Field(default=30, ge=1, le=480)
    """Minutes without renewal after which a session is over: no page read, or a provider that does not answer."""
    session_hours: int = Field(default=8, ge=1, le=24)
    """Hours from signing in until a session is over in any case."""
    trusted_proxies: int = Field(default=0, ge=0, le=3)
    """Number of reverse proxies in front, whose forwarded headers are believed."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is written."""

    @property
    def is_answered_by_post(self) -> bool:
        """Whether authorization answers come as another site's form."""
        return self.response_mode == "form_post"

    @property
    def asks_userinfo(self) -> bool:
        """Whether userinfo is asked after every sign-in: its claims were asked for, or the operator says so."""
        return self.userinfo or bool(USERINFO_SCOPES & set(self.scope.split(" ")))

    @property
    def is_https(self) -> bool:
        """Whether people reach the service over https: cookies are then `Secure` and `__Host-`."""
        return self.public_url.startswith("https://")

    @property
    def activation_address(self) -> str:
        """Where someone with a letter begins."""
        return self.activation_url or self.issuer.rstrip("/") + "/activation"

    @field_validator("client_key_file", "client_file")
    @classmethod
    def check_file_exists(cls, value: Path | None) -> Path | None:
        """Said with the other problems; whether it holds what it should is said when it is loaded."""
        if value is not None and not value.is_file():
            raise ValueError("is not a file")
        return value

    @model_validator(mode="after")
    def check_client_can_authenticate(self) -> Self:
        """A confidential client needs a name, and a key or a secret."""
        if self.client_file:
            return self
        if not self.client_id:
            raise ValueError("LIVRET_CLIENT_ID or LIVRET_CLIENT_FILE must be set")
        if not self.client_key_file and not self.client_secret:
            raise ValueError("LIVRET_CLIENT_KEY_FILE or LIVRET_CLIENT_SECRET must be set")
        return self

    @model_validator(mode="after")
    def check_request_can_be_signed(self) -> Self:
        """A signed request object needs this client's key."""
        if self.request_form is RequestForm.SIGNED_OBJECT and not self.client_key_file:
            raise ValueError("LIVRET_REQUEST_FORM=signed_object needs LIVRET_CLIENT_KEY_FILE")
        return self


def current() -> Settings:
    """The settings of the running application."""
    return cast("Settings", current_app.extensions["settings"])
