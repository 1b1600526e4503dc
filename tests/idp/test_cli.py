import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import idp_settings_values


def test_a_database_out_of_reach_is_a_sentence_and_exit_code_4(tmp_path: Path) -> None:
    values = idp_settings_values(f"sqlite:///{tmp_path}/absent/idp.sqlite")
    environment = os.environ | {f"IDP_{name.upper()}": str(value) for name, value in values.items()}

    done = subprocess.run(
        [sys.executable, "-c", "from idp.cli import main; main()", "schools", "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4
    assert "database_unavailable" in done.stderr
    assert "Traceback" not in done.stderr
