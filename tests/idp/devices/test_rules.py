from idp.devices.rules import device_digest


def test_the_accounts_of_one_browser_cannot_be_joined() -> None:
    assert device_digest("secret", "c.dupont") != device_digest("secret", "p.dupont")
    assert b"secret" not in device_digest("secret", "c.dupont")
