"""Files, whatever is in them: where they are, and their checksums."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def checksum(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` at the end: so the file is whole, or the one it was.

    If the block fails, what it has written is removed.
    """
    beside = path.with_suffix(".part")
    try:
        yield beside
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def is_path(value: object) -> bool:
    """Whether a value can be a path: text or a Path that is not empty and has no byte that no file name has."""
    return isinstance(value, str | Path) and bool(str(value)) and "\0" not in str(value)


def expanded(name: str, path: str | Path) -> Path:
    """Return a path as an absolute one, `~` included; `name` is what an error calls it.

    Raises ValueError for `~` where there is no home directory, and for what is no path.

    >>> expanded("runs", "/tmp/a/../b c").as_posix().rpartition("/tmp")[2]
    '/a/../b c'
    """
    if not is_path(path):
        raise ValueError(f"{name} is {path!r}; it must be a string or a path, and not empty")
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise ValueError(
            f"{name} is {str(path)!r}, but there is no such home directory; give the folder without ~"
        ) from None


def checkout() -> Path | None:
    """The folder of the repository that this package is read from, or None where it is installed without one.

    Only the folder that holds the package is asked. One further up may be a checkout that this package does not belong
    to, such as that whose `.venv` it is installed in.
    """
    root = Path(__file__).parents[2]
    return root if all((root / name).exists() for name in ("pyproject.toml", "book", "notebooks")) else None


def search_path() -> str:
    """Return the PYTHONPATH with which another program of Python's finds this very package, before any other."""
    return os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))


def default_runs() -> Path:
    """The default run store: TRANSFERLAB_RUNS, else `runs` in the checkout, else in this folder.

    So a chapter, a script and the command line find the same networks, whatever folder they run in.
    """
    return Path(os.environ.get("TRANSFERLAB_RUNS") or (checkout() or Path()) / "runs")
