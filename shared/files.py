"""Files that hold something private: readable by their owner alone, and whole or absent."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_file(content: bytes, destination: Path) -> Iterator[None]:
    """Have `content` safe on disk beside `destination` while the block runs, in its place once it ends.

    Mode 0600 from its first byte. A block that raises leaves `destination` as it was. Raises OSError before the
    block when the folder cannot be written: whatever the block promises is then not promised.
    """
    if destination.is_dir():
        raise IsADirectoryError(f"{destination} is a folder")
    descriptor, name = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
    prepared = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield
        prepared.replace(destination)
        _sync_folder(destination.parent)
    finally:
        prepared.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """A renamed file is in its place after a power cut only when the folder is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
