"""Every setting of the livret service: typed, with unit and default. A default may be convenient, never insecure."""

from pathlib import Path
from typing import ClassVar, Literal, Self, cast

from flask import current_app
from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import PublicUrl, SecretKey, ServiceSettings


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
    issuer: str
    """The provider, exactly as it names itself in discovery."""
    client_id: str
    """This service's name at the provider."""
    client_key_file: Path | None = None
    """Private key (PEM or JWK) for `private_key_jwt`; stands before `client_secret`."""
    client_secret: str = Field(default="", repr=False)
    """Secret for `client_secret_basic`, where there is no key file."""
    scope: str = "openid children children.ine"
    """Scopes asked for."""

    service_name: str = "Livret scolaire"
    """Name on pages."""
    theme_dir: Path | None = None
    """A folder searched before the built-in theme, file by file."""
    renewal_seconds: int = Field(default=60, ge=10, le=60)
    """Age at which a session is renewed at the provider without showing anything (prompt=none)."""
    session_minutes: int = Field(default=30, ge=1, le=480)
    """Minutes that a session may go on when the provider does not answer."""
    trusted_proxies: int = Field(default=0, ge=0, le=3)
    """Number of reverse proxies in front, whose forwarded headers are believed."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is written."""

    @property
    def is_https(self) -> bool:
        """Whether people reach the service over https: cookies are then `Secure` and `__Host-`."""
        return self.public_url.startswith("https://")

    @model_validator(mode="after")
    def check_client_can_authenticate(self) -> Self:
        """A confidential client needs a key or a secret."""
        if not self.client_key_file and not self.client_secret:
            raise ValueError("LIVRET_CLIENT_KEY_FILE or LIVRET_CLIENT_SECRET must be set")
        return self


def current() -> Settings:
    """The settings of the running application."""
    return cast(Settings, current_app.extensions["settings"])
