from pathlib import Path

import pytest

from demo.settings import DemoRefused, load_settings


def test_the_contracts_ports_are_the_defaults():
    settings = load_settings({})

    assert (settings.issuer, settings.livret_url) == ("http://localhost:8000", "http://localhost:8001")
    assert (settings.catcher_url, settings.operations_url) == (
        "http://localhost:8025",
        "http://localhost:8002",
    )
    assert settings.folder == Path("var/demo").resolve()


def test_the_environment_moves_everything(tmp_path: Path):
    settings = load_settings({"DEMO_IDP_PORT": "9100", "DEMO_DIR": str(tmp_path)})

    assert (settings.issuer, settings.folder) == ("http://localhost:9100", tmp_path)


@pytest.mark.parametrize("port", ["0", "65536", "eight", "-1", "8000 "])
def test_what_is_no_port_is_refused_by_name(port: str):
    with pytest.raises(DemoRefused, match="DEMO_LIVRET_PORT"):
        load_settings({"DEMO_LIVRET_PORT": port})
