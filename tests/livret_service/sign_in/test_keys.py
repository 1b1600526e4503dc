"""Reading the issuer's key set."""

import base64
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from livret_service.sign_in.keys import UnknownKey, choose_key, read_jwk_set


def public(key: Any, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **more}


def test_entries_that_cannot_be_used_are_skipped(provider_key: RSAKey):
    weak = {"kty": "RSA", "e": "AQAB", "n": base64.urlsafe_b64encode(b"\xc1" * 128).decode().rstrip("=")}
    entries = [
        None, 5, "key", {}, {"kty": "EC"}, {"kty": "RSA", "n": 5, "e": "AQAB"}, {"kty": ["RSA"]}, weak,
        public(provider_key, use="enc"), public(provider_key, kid=5), public(provider_key, alg=["RS256"]),
        OctKey.generate_key(256).as_dict(), {"kty": "AKP", "pub": "x"}, public(provider_key, kid="good"),
    ]  # fmt: skip

    keys = read_jwk_set({"keys": entries})

    assert [key.kid for key in keys] == ["good"]


@pytest.mark.parametrize("document", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": []}, "keys"])
def test_a_document_without_keys_gives_none(document: object):
    assert read_jwk_set(document) == ()


def test_private_members_are_left_behind(other_key: RSAKey):
    (key,) = read_jwk_set({"keys": [other_key.as_dict(private=True)]})

    assert not key.key.is_private


def test_no_more_than_fifty_entries_are_read(provider_key: RSAKey):
    assert len(read_jwk_set({"keys": [public(provider_key)] * 200})) == 50


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ECKey.generate_key("P-256"), "ES256"), (OKPKey.generate_key("Ed25519"), "Ed25519")],
)
def test_a_key_serves_the_algorithm_of_its_type_and_curve_alone(key: Any, algorithm: str):
    keys = read_jwk_set({"keys": [public(key, kid="k")]})

    assert choose_key(keys, {"alg": algorithm, "kid": "k"}).as_dict(private=False)["x"] == public(key)["x"]
    with pytest.raises(UnknownKey):
        choose_key(keys, {"alg": "RS256", "kid": "k"})


def test_another_curve_is_another_algorithm():
    keys = read_jwk_set({"keys": [public(ECKey.generate_key("P-384"), kid="k")]})

    with pytest.raises(UnknownKey):
        choose_key(keys, {"alg": "ES256", "kid": "k"})


def test_two_keys_of_one_kid_are_no_key(provider_key: RSAKey, other_key: RSAKey):
    keys = read_jwk_set({"keys": [public(provider_key, kid="k"), public(other_key, kid="k")]})

    with pytest.raises(UnknownKey):
        choose_key(keys, {"alg": "RS256", "kid": "k"})
