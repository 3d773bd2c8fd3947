"""File checksums, and where the repository is."""

import hashlib
from pathlib import Path


def checksum(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checkout() -> Path | None:
    """The checkout of the repository that this package is imported from; None if it is installed without one.

    Only the folder that the package lies in is asked: further up, an installed package may have a checkout that is
    another's, such as that whose `.venv` it is in.
    """
    folder = Path(__file__).parents[2]
    return folder if all((folder / name).exists() for name in ("pyproject.toml", "book", "notebooks")) else None
