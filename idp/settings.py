"""Every setting of the provider: typed, with unit and default. A default may be convenient, never insecure."""

from pathlib import Path
from typing import ClassVar, Literal, Self, cast
from urllib.parse import urlsplit

from flask import current_app
from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import (
    HostNames,
    OptionalSecretKey,
    PublicUrl,
    ResourceUris,
    SecretKey,
    ServiceSettings,
    is_loopback,
)


class Settings(ServiceSettings):
    """Read from `IDP_…` in the environment, or from files of the same names in `IDP_SECRETS_DIR`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        **ServiceSettings.model_config | {"env_prefix": "IDP_"}
    )

    # --- what an operator must decide
    issuer: PublicUrl
    """Public address; every URL in a mail, a letter or a token starts with it (ADR 0003)."""
    database_url: str
    """SQLAlchemy address of the database, `sqlite:///…` or `postgresql://…`."""
    secret_key: SecretKey
    """Signs what pages carry: form tokens, the carried authorization request. 32 bytes in base64."""
    pairwise_key: SecretKey
    """Derives pairwise subjects (ADR 0002). Changing it changes every person's `sub` at every service."""
    provisional_password_key: SecretKey
    """Derives provisional passwords (ADR 0006). Changing it kills every letter in circulation."""
    key_encryption_key: SecretKey
    """Seals private signing keys at rest (ADR 0012)."""
    previous_key_encryption_key: OptionalSecretKey = None
    """The one before: opens private keys until `idp keys rewrap --apply` has sealed them anew; then remove it."""
    outbox_key: SecretKey
    """Seals messages that wait for delivery (ADR 0007)."""

    # --- names on screen
    service_name: str = "Services en ligne de l’école"
    """Name of the portal, on pages, mails and letters."""
    publisher_name: str = "L’exploitant de ce service"
    """Who publishes the service, on the legal pages."""
    publisher_contact: str = ""
    """How to reach the publisher: an address or a telephone number, on the legal pages."""
    hosting_name: str = ""
    """Who hosts the service, on the legal pages."""
    data_protection_contact: str = ""
    """How to reach the data protection officer."""
    theme_dir: Path | None = None
    """A folder searched before the built-in theme, file by file."""

    # --- mail
    mail_host: str = "localhost"
    """SMTP server."""
    mail_port: int = Field(default=25, ge=1, le=65535)
    """Port of the SMTP server."""
    mail_security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` is accepted for a server on loopback only."""
    mail_ca_file: Path | None = None
    """Certificates that the SMTP server's one is checked against; the system's when not given."""
    mail_username: str = ""
    """User of the SMTP server; empty when it asks for none."""
    mail_password: str = Field(default="", repr=False)
    """Password of the SMTP server."""
    mail_sender_name: str = "Administrateur des services en ligne"
    """Name that mails come from."""
    mail_sender_address: str = "ne-pas-repondre@localhost"
    """Address that mails come from."""
    mail_dkim_selector: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    """Name of the key that the mail server signs with, before `._domainkey`; `idp doctor` looks for it there."""

    # --- SMS: on once account, token and sender are all given
    twilio_account_sid: str = Field(default="", pattern=r"^(AC[0-9a-f]{32})?$")
    """Twilio account that SMS are sent from, `AC…`; empty where none are sent."""
    twilio_auth_token: str = Field(default="", repr=False)
    """Secret of that account: signs our calls and Twilio's reports."""
    twilio_from: str = Field(default="", pattern=r"^(\+[0-9]{6,15}|[A-Za-z0-9 ]{1,11})?$")
    """Number in E.164, or sender name, that SMS come from; or else:"""
    twilio_messaging_service_sid: str = Field(default="", pattern=r"^(MG[0-9a-f]{32})?$")
    """Twilio messaging service that chooses the sender, `MG…`."""
    sms_per_hour: int = Field(default=200, ge=1)
    """SMS with a code that may leave in an hour, to everybody together: what an hour of fraud may cost."""
    sms_per_day: int = Field(default=1000, ge=1)
    """The same in a day."""
    phone_activation: bool = True
    """Whether parents without a letter may activate by an SMS to the mobile that their school knows, where SMS are on."""
    twilio_url: str = ""
    """Stands for Twilio's own address, on loopback only: a demonstration's catcher."""

    # --- lives and limits
    letter_valid_days: int = Field(default=90, ge=1, le=365)
    """Days from printing a letter until its provisional password dies."""
    activation_link_hours: int = Field(default=24, ge=1, le=168)
    """Hours that a mailed activation link works."""
    session_idle_minutes: int = Field(default=30, ge=1, le=480)
    """Minutes without a request until a session ends."""
    session_hours: int = Field(default=8, ge=1, le=24)
    """Hours until a session ends whatever happens."""
    authorization_code_seconds: int = Field(default=60, ge=10, le=60)
    """Seconds that an authorization code may be redeemed."""
    access_token_seconds: int = Field(default=600, ge=60, le=3600)
    """Seconds that an access token works."""
    id_token_seconds: int = Field(default=600, ge=60, le=3600)
    """Seconds until an ID token expires."""
    signing_key_days: int = Field(default=90, ge=1, le=366)
    """Days that a signing key signs before its successor takes over (ADR 0012)."""
    refresh_token_days: int = Field(default=90, ge=1, le=365)
    """Days that a service may go on refreshing after a sign-in, however often it does."""
    refresh_token_idle_days: int = Field(default=30, ge=1, le=365)
    """Days without a refresh until offline access ends."""
    resources: ResourceUris = frozenset()
    """Other services that access tokens may be meant for (RFC 8707): absolute addresses separated by spaces."""
    mass_departure_percent: int = Field(default=40, ge=1, le=100)
    """Share of a school's children or guardians whose departure stops an import."""

    # --- services that register themselves
    registration: Literal["closed", "invited", "open"] = "invited"
    """`invited`: with a token of `idp clients invite` alone. `open`: anybody, for sandboxes. `closed`: nobody."""

    # --- what is fetched from registered addresses
    fetch_exempt_hosts: HostNames = frozenset()
    """Hosts (`name` or `name:port`, separated by commas) that registered addresses may name although they are inside."""
    fetch_ca_file: Path | None = None
    """Certificates that the servers of registered addresses may also be checked against, besides the system's."""

    # --- running
    trusted_proxies: int = Field(default=0, ge=0, le=3)
    """Number of reverse proxies in front, whose forwarded headers are believed."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is written."""

    @property
    def is_https(self) -> bool:
        """Whether people reach the provider over https: cookies are then `Secure` and `__Host-`."""
        return self.issuer.startswith("https://")

    @model_validator(mode="after")
    def check_mail_is_encrypted(self) -> Self:
        """Plain SMTP would carry activation links in clear over a network."""
        if self.mail_security == "none" and not is_loopback(self.mail_host):
            raise ValueError("IDP_MAIL_SECURITY: none is for a server on loopback only")
        return self

    @property
    def sms_enabled(self) -> bool:
        """Whether SMS can be sent: account, token and sender are all known."""
        return bool(self.twilio_account_sid)

    @property
    def activates_by_phone(self) -> bool:
        """Whether parents without a letter may activate by SMS here."""
        return self.phone_activation and self.sms_enabled

    @model_validator(mode="after")
    def check_sms_is_complete(self) -> Self:
        """Half of a configuration is a mistake; and only this machine may stand for Twilio."""
        account = (self.twilio_account_sid, self.twilio_auth_token)
        senders = (self.twilio_from, self.twilio_messaging_service_sid)
        is_complete = all(account) and sum(map(bool, senders)) == 1
        if any((*account, *senders)) and not is_complete:
            raise ValueError(
                "IDP_TWILIO_ACCOUNT_SID, IDP_TWILIO_AUTH_TOKEN and one of IDP_TWILIO_FROM and "
                "IDP_TWILIO_MESSAGING_SERVICE_SID go together"
            )
        if self.twilio_url and not is_loopback(urlsplit(self.twilio_url).hostname):
            raise ValueError("IDP_TWILIO_URL: is for a catcher on loopback only")
        return self

    @model_validator(mode="after")
    def check_keys_differ(self) -> Self:
        """One key, one use."""
        keys = (
            self.secret_key,
            self.pairwise_key,
            self.provisional_password_key,
            self.key_encryption_key,
            self.outbox_key,
            *([self.previous_key_encryption_key] if self.previous_key_encryption_key else []),
        )
        if len(set(keys)) != len(keys):
            raise ValueError("two keys have the same value: each has one use")
        return self


def current() -> Settings:
    """The settings of the running application."""
    return cast("Settings", current_app.extensions["settings"])
