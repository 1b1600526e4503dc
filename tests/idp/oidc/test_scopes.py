"""What is granted of what is asked."""

import pytest

from idp.oidc.scopes import SUPPORTED, granted_scope


@pytest.mark.parametrize(
    ("asked", "registered", "granted"),
    [
        ("openid profile", {"openid", "profile", "email"}, "openid profile"),
        ("profile openid", {"openid", "profile"}, "profile openid"),
        ("openid openid", {"openid"}, "openid"),
        ("openid children.ine", {"openid", "children"}, "openid"),
        ("openid unknown", {"openid", "unknown"}, "openid"),
        ("openid offline_access address", set(SUPPORTED), "openid offline_access address"),
        ("", {"openid"}, ""),
        ("OPENID", {"openid"}, ""),
    ],
)
def test_asked_registered_and_supported(asked: str, registered: set[str], granted: str):
    assert granted_scope(asked, registered) == granted
