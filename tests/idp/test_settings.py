"""The provider's own settings; what all settings share is tested with the livret service's."""

import pytest

from idp.settings import Settings
from shared.settings import SettingsRefused
from tests.conftest import idp_settings_values


def loaded(**values: str) -> Settings:
    return Settings.load(**idp_settings_values("sqlite://") | values)


def test_exempt_hosts_are_a_list_as_the_environment_writes_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IDP_FETCH_EXEMPT_HOSTS", "localhost:8001, Suite.Test ,")

    assert loaded().fetch_exempt_hosts == {"localhost:8001", "suite.test"}


def test_no_host_is_exempt_unless_said():
    assert loaded().fetch_exempt_hosts == frozenset()


@pytest.mark.parametrize("value", ["https://suite.test", "suite.test/x", "a b", "*"])
def test_an_exempt_host_is_a_name(value: str):
    with pytest.raises(SettingsRefused, match="IDP_FETCH_EXEMPT_HOSTS"):
        loaded(fetch_exempt_hosts=value)
