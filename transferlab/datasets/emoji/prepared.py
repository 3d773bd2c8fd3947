"""The folder that the data set is read from: the nine archives, a file of designs for each set, and a manifest.

The manifest, `manifest.json`, has the table of classes and, for each set that is drawn, where it comes from, the
checksum of its file, what is left out, and which program drew it.
"""

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from transferlab.system import cache
from transferlab.system.files import checksum

VERSION = 1  # of the rules by which designs are drawn: a folder of another version is not read
COMMAND = "python -m transferlab prepare emoji"


def default_folder() -> Path:
    """Where the data set is prepared, and looked for, unless something else is said."""
    return cache.folder() / "emoji"


def manifest_of(folder: Path) -> Path:
    """The manifest of a folder."""
    return folder / "manifest.json"


def designs_of(folder: Path, name: str) -> Path:
    """The file with the designs of a set."""
    return folder / f"{name}.safetensors"


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a folder; raise ValueError if it is damaged or of another version."""
    path = manifest_of(folder)
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version, *_ = (manifest[key] for key in ("version", "table", "names", "sets"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({error!r}); remove it, and run {COMMAND} --out {folder}") from error
    if version != VERSION:
        raise ValueError(
            f"{folder} was prepared by version {version} of the rules for the data set emoji, not {VERSION}, as here; "
            f"run {COMMAND} --out with a new folder"
        )
    return manifest


def finished_manifest(folder: Path) -> dict:
    """Return the manifest of a folder whose preparation is finished; raise ValueError if there is none."""
    if not folder.is_dir():
        raise ValueError(f"there is no such folder: {folder}; run {COMMAND} --out {folder}")
    if not manifest_of(folder).exists():
        raise ValueError(f"nothing is prepared in {folder}; run {COMMAND} --out {folder}")
    manifest = read_manifest(folder)
    if missing := [name for name in manifest["names"] if name not in manifest["sets"]]:
        raise ValueError(f"{folder} lacks {', '.join(missing)}; run {COMMAND} --out {folder}, and it goes on")
    return manifest


def is_ready() -> bool:
    """Whether the default folder is prepared."""
    try:
        return bool(finished_manifest(default_folder()))
    except (OSError, ValueError):
        return False


def read_designs(folder: Path, name: str, sha256: str) -> dict[int, np.ndarray]:
    """Return the designs of a set, uint8 `[SIDE, SIDE, 4]` each, by the row of their class in the table.

    Raises ValueError if they are not what they were.
    """
    path = designs_of(folder, name)
    try:
        arrays = load_file(path) if checksum(path) == sha256 else {}
    except (OSError, SafetensorError):
        arrays = {}
    if not arrays:
        raise ValueError(f"{path} is damaged or missing; run {COMMAND} --out {folder}, and only that is drawn again")
    return dict(zip(arrays["classes"].tolist(), arrays["designs"], strict=True))
