import stat
from pathlib import Path

import pytest

from shared.files import private_file


def test_a_file_is_in_place_once_the_block_ends(tmp_path: Path):
    target = tmp_path / "secret"

    with private_file(b"content", target):
        assert not target.exists()

    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"content", 0o600)


def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path):
    target = tmp_path / "secret"
    target.write_bytes(b"before")

    with pytest.raises(ZeroDivisionError), private_file(b"after", target):
        raise ZeroDivisionError

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("secret", b"before")]


def test_a_folder_that_is_absent_fails_before_the_block(tmp_path: Path):
    entered = False

    with pytest.raises(FileNotFoundError), private_file(b"content", tmp_path / "absent" / "secret"):
        entered = True

    assert not entered


def test_a_folder_is_no_destination(tmp_path: Path):
    with pytest.raises(IsADirectoryError), private_file(b"content", tmp_path):
        pass
