"""Arrays that take long to make, kept on disk: in TRANSFERLAB_CACHE, else in `~/.cache/transferlab`."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from transferlab.system.files import checksum, expanded, replacing

VARIABLE = "TRANSFERLAB_CACHE"
Arrays = dict[str, np.ndarray]


def folder() -> Path:
    """Return the folder of the cache, whether it exists or not. Raises OSError where there is no home to have it in."""
    if given := os.environ.get(VARIABLE):
        return expanded(VARIABLE, given)
    try:
        return Path.home() / ".cache" / "transferlab"
    except RuntimeError:  # a user whom the machine does not know
        raise OSError(
            f"there is no home directory to keep images in; set {VARIABLE} to a folder that can be written"
        ) from None


def cached(key: str, make: Callable[[], Arrays]) -> dict[str, Any]:
    """Return what `make` returns, from disk if it is there: one process makes it, completely, while others wait.

    What is finished is read without a lock, so a cache may be read-only and belong to somebody else. What is damaged is
    made again.

    Args:
        key: the name of the file; it must tell all that determines the arrays.
        make: returns arrays by name.

    Raises:
        OSError: if it is not there and cannot be written.

    >>> cached("squares", lambda: {"squares": np.arange(3) ** 2})  # doctest: +SKIP
    {'squares': array([0, 1, 4])}
    """
    path = folder() / f"{key}.safetensors"
    if (arrays := _finished(path)) is not None:
        return arrays
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if (arrays := _finished(path)) is not None:
                return arrays
            arrays = make()
            _write(path, arrays)
    except OSError as error:
        raise OSError(
            f"the cache {path.parent} cannot be written ({error.strerror or error}); set {VARIABLE} to a folder that "
            "can, or that has these images already"
        ) from error
    return arrays


def _finished(path: Path) -> Arrays | None:
    """Return the arrays at `path` if they are there and as they were written."""
    try:
        return load_file(path) if checksum(path) == path.with_suffix(".sha256").read_text("utf-8") else None
    except (OSError, UnicodeDecodeError, SafetensorError):
        return None


def _write(path: Path, arrays: Arrays) -> None:
    known = path.with_suffix(".sha256")
    with replacing(path) as beside:
        save_file(arrays, beside)
        known.write_text(checksum(beside), "utf-8")
        shutil.copymode(known, beside)  # safetensors lets nobody else read its files; the umask may
