from tests.idp.activation.conftest import (
    account,
    activating,
    authorization_address,
    browser,
    new_browser,
    new_parent,
    parent,
)

__all__ = ["account", "activating", "authorization_address", "browser", "new_browser", "new_parent", "parent"]
