"""The ground of both services' settings: typed, frozen, and refusing to start with every problem listed."""

import base64
import binascii
import os
import re
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

KEY_BYTES = 32
HOST_NAME = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?|[0-9a-f:.]+")
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingsRefused(Exception):
    """The settings do not hold. `problems`: one line each, naming the setting, never its value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("settings refused:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine, where plain http and plain SMTP may be used."""
    return host in LOOPBACK_HOSTS


def check_public_url(value: str) -> str:
    """An address as written in URLs for people: https (http on loopback only), no path, query or final slash."""
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an https address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is for loopback only")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a scheme and a host, without path, query or final slash")
    return value


def decode_key(value: object) -> object:
    """32 bytes from base64url text, as `openssl rand -base64 32` or `secrets.token_urlsafe(32)` print them."""
    if not isinstance(value, str):
        return value
    text = value.strip().replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise ValueError("must be base64") from None


def check_key(value: bytes) -> bytes:
    """A key of 32 bytes that is not a constant byte repeated (a default, a test value left in place)."""
    if len(value) != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in base64")
    if len(set(value)) < KEY_BYTES // 4:
        raise ValueError("is not random")
    return value


def split_hosts(value: object) -> object:
    """Host names, separated by commas, in lower case."""
    if not isinstance(value, str):
        return value
    return frozenset(name.strip().lower() for name in value.split(",") if name.strip())


def check_hosts(value: frozenset[str]) -> frozenset[str]:
    """Names, with a port or without: a scheme or a path would match nothing."""
    if not all(HOST_NAME.fullmatch(host) for host in value):
        raise ValueError("must be host names separated by commas, without scheme or path")
    return value


def split_resources(value: object) -> object:
    """Addresses, separated by spaces."""
    return frozenset(value.split()) if isinstance(value, str) else value


def check_resources(value: frozenset[str]) -> frozenset[str]:
    """Absolute, without fragment (RFC 8707 2), and printable."""
    for uri in value:
        parts = urlsplit(uri)
        if not parts.scheme or not (parts.netloc or parts.path) or "#" in uri or not uri.isascii():
            raise ValueError("must be absolute addresses without fragment, separated by spaces")
    return value


# NoDecode: a list in the environment is not JSON.
HostNames = Annotated[frozenset[str], NoDecode, BeforeValidator(split_hosts), AfterValidator(check_hosts)]
ResourceUris = Annotated[
    frozenset[str], NoDecode, BeforeValidator(split_resources), AfterValidator(check_resources)
]
PublicUrl = Annotated[str, AfterValidator(check_public_url)]
# Kept out of repr: a setting that is printed by mistake must not show a key.
SecretKey = Annotated[bytes, BeforeValidator(decode_key), AfterValidator(check_key), Field(repr=False)]
OptionalSecretKey = Annotated[
    bytes | None,
    BeforeValidator(decode_key),
    AfterValidator(lambda key: None if key is None else check_key(key)),
    Field(repr=False),
]

FOREIGN_SWITCHES = {"AUTHLIB_INSECURE_TRANSPORT": "must not be set: it turns checks for https off"}
"""Variables of libraries that would make either service less safe than its own settings say."""


class ServiceSettings(BaseSettings):
    """Settings from the environment, a secrets folder (one file a setting), or given by name."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # or a refused secret is printed
        extra="ignore",
    )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings, or SettingsRefused with every problem at once.

        `<PREFIX>SECRETS_DIR` names a folder with one file a setting, as service managers hand secrets over.
        """
        folder = os.environ.get(f"{cls.model_config.get('env_prefix', '')}SECRETS_DIR")
        problems = [f"{name}: {why}" for name, why in FOREIGN_SWITCHES.items() if os.environ.get(name)]
        try:
            settings = cls(**given, **({"_secrets_dir": folder} if folder else {}))
        except ValidationError as error:
            problems += [_problem(cls, found) for found in error.errors()]
        if problems:
            raise SettingsRefused(problems)
        return settings


def _problem(settings: type[ServiceSettings], found: Any) -> str:
    name = "_".join(str(part) for part in found["loc"]) or "settings"
    prefix = settings.model_config.get("env_prefix", "")
    words = "is required" if found["type"] == "missing" else found["msg"].removeprefix("Value error, ")
    return f"{prefix}{name.upper()}: {words}"
