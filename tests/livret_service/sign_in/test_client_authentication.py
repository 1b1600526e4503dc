"""The key with which this client proves itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from livret_service.sign_in.client_authentication import load_client_key


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_a_client_key_file_may_be_pem_of_either_kind(tmp_path: Path, kind: str):
    key = RSAKey.generate_key(2048) if kind == "RSA" else ECKey.generate_key("P-256")
    path = tmp_path / "key.pem"
    path.write_bytes(key.as_pem(private=True))

    loaded = load_client_key(path)

    assert loaded.algorithm == ("RS256" if isinstance(key, RSAKey) else "ES256")
    assert loaded.kid == key.thumbprint()


UNUSABLE_KEYS: dict[str, Callable[[], bytes]] = {
    "public": lambda: RSAKey.generate_key(2048).as_pem(private=False),
    "P-384": lambda: ECKey.generate_key("P-384").as_pem(private=True),
    "behind a password": lambda: RSAKey.generate_key(2048).as_pem(private=True, password="sealed"),
    "public JWK": lambda: json.dumps(RSAKey.generate_key(2048).as_dict(private=False)).encode(),
    "JWK without members": lambda: b'{"kty": "RSA"}',
    "broken JSON": lambda: b"{",
    "no key": lambda: b"no key",
    "empty": lambda: b"",
    "symmetric": lambda: json.dumps(OctKey.generate_key(256).as_dict()).encode(),
}


@pytest.mark.parametrize("kind", UNUSABLE_KEYS)
def test_a_file_without_a_usable_private_key_is_refused(tmp_path: Path, kind: str):
    content = UNUSABLE_KEYS[kind]()
    path = tmp_path / "key.pem"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"."):
        load_client_key(path)
