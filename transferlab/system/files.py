"""Files, whatever is in them: where they are, and their checksums."""

import hashlib
import io
import os
import sys
from pathlib import Path


def checksum(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_utf8(text: str) -> str:
    """Return a text that came from the system, such as an argument or a name, decoded as UTF-8.

    Python decodes those by the locale, and in that of C all letters but ASCII are lost. Bytes that are not UTF-8 stay
    what they were.
    """
    try:
        return os.fsencode(text).decode("utf-8", "surrogateescape")
    except UnicodeError:  # it did not come from the system
        return text


def write_utf8() -> None:
    """Let this process print UTF-8, whatever the locale is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not a notebook's, or a test's
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def checkout() -> Path | None:
    """The folder of the repository that this package is read from, or None where it is installed without one.

    Only the folder that holds the package is asked. One further up may be a checkout that this package does not belong
    to, such as that whose `.venv` it is installed in.
    """
    root = Path(__file__).parents[2]
    return root if all((root / name).exists() for name in ("pyproject.toml", "book", "notebooks")) else None


def default_runs() -> Path:
    """The default run store: TRANSFERLAB_RUNS, else `runs` in the checkout, else in this folder.

    So a chapter, a script and the command line find the same networks, whatever folder they run in.
    """
    return Path(os.environ.get("TRANSFERLAB_RUNS") or (checkout() or Path()) / "runs")
