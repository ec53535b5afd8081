"""What has been written stays written: files and folders forced to the disk."""

from __future__ import annotations

import os
from pathlib import Path


def make_durable(path: Path) -> None:
    """Returns once the content of a file, or the entries of a folder, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
