"""The livret service as a relying party, at a provider of the tests' own."""

from tests.livret_service.conftest import (
    app,
    browser,
    key_file,
    new_relying_party,
    other_key,
    provider,
    provider_key,
    relying_parties,
    relying_party_database,
)

__all__ = [
    "app",
    "browser",
    "key_file",
    "new_relying_party",
    "other_key",
    "provider",
    "provider_key",
    "relying_parties",
    "relying_party_database",
]
