"""What is asked of files, whatever is in them."""

import hashlib
from pathlib import Path


def checksum(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
