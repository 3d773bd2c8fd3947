"""Reading a prepared folder: images that stay on disk, and are what they were when they were decoded.

A prepared folder holds `manifest.json`, written last, and for each part (train, test) its images (uint8
`[N, 3, size, size]`), labels (int64, -1 where a file could not be read) and checksums (crc32 of each image).
"""

import hashlib
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from transferlab.datasets.images import Framing
from transferlab.system.machine import cores

FRAMED = ("resize", "interpolation")  # in a manifest where they are not the usual ones
SHARE = 64  # images whose checksums a thread works out at a time
_checked: set[tuple] = set()  # the arrays that this process has compared with their checksums


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a prepared folder; raise ValueError if there is none, or it cannot be read."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        known = {key: manifest[key] for key in ("name", "size", "classes", "kingdoms", "fingerprint")}
        return known | {"framing": Framing(manifest["size"], *map(manifest.get, FRAMED)).options()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} is not a prepared folder, or its preparation is not finished ({error}). Run "
            f"python -m transferlab prepare NAME --data-root DIR --size PIXELS --out {folder}"
        ) from error


def is_prepared(folder: str | Path | None) -> bool:
    """Whether a preparation of `folder` has begun."""
    return folder is not None and (Path(folder).expanduser() / "begun.json").exists()


def read_prepared(
    folder: str | Path | None, name: str, size: int, check: bool = True, framing: Framing | None = None
) -> dict:
    """Return the fields of a DataSet from a prepared folder; images stay on disk.

    With `check`, every image is compared with its checksum, unless this process has done so already. That reads all of
    them once, on every core: as fast as the disk, or some GB/s if they are in the system's cache.

    Raises ValueError for a folder that holds something else, or a file that is damaged.
    """
    if folder is None:
        raise ValueError(f'the data set "{name}" needs data_root, a folder made by python -m transferlab prepare')
    folder = Path(folder).expanduser()
    manifest = read_manifest(folder)
    if (manifest["name"], manifest["size"]) != (name, size):
        raise ValueError(
            f"{folder} was prepared as {manifest['name']} at {manifest['size']} pixels; requested is {name} at {size}"
        )
    asked = (framing or Framing(size)).options()
    if manifest["framing"] != asked:
        raise ValueError(
            f"{folder} was prepared with {manifest['framing'] or 'the whole shorter side'}; requested is "
            f"{asked or 'the whole shorter side'}"
        )
    classes, kingdoms = manifest["classes"], tuple(manifest["kingdoms"])
    fields, labels, checksums = {}, {}, {}
    for part in ("train", "test"):
        labels[part], checksums[part] = (_array(folder / f"{part}_{each}.npy") for each in ("labels", "checksums"))
    if fingerprint(classes, kingdoms, size, labels, checksums) != manifest["fingerprint"]:
        raise ValueError(f"the labels or checksums in {folder} are damaged: {_again(folder)}")
    for part in ("train", "test"):
        path = folder / f"{part}_images.npy"
        images = _array(path, mapped=True)
        if images.dtype != np.uint8 or images.shape != (len(labels[part]), 3, size, size):
            raise ValueError(f"{path} is damaged: its header is not that of its images; {_again(folder)}")
        known = (str(path.absolute()), path.stat().st_size, path.stat().st_mtime_ns, manifest["fingerprint"])
        if check and known not in _checked:
            wrong = damaged(images, checksums[part], labels[part] >= 0)
            if len(wrong):
                raise ValueError(
                    f"{path} is damaged: {len(wrong):,} of {len(images):,} images do not have their checksums; "
                    f"{_again(folder)}"
                )
            _checked.add(known)
        fields[f"{part}_images"], fields[f"{part}_labels"] = images, labels[part]
    return fields | {"class_names": tuple(classes), "kingdoms": kingdoms, "fingerprint": manifest["fingerprint"]}


def damaged(images: np.ndarray, checksums: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Return the rows of images, of those where `read` is true, that do not have their checksums (crc32)."""
    rows = np.flatnonzero(read)

    def wrong(some: np.ndarray) -> list[int]:
        return [row for row in some if zlib.crc32(np.ascontiguousarray(images[row]).data) != checksums[row]]

    with ThreadPoolExecutor(cores()) as pool:  # crc32 lets go of the interpreter
        parts = pool.map(wrong, (rows[start : start + SHARE] for start in range(0, len(rows), SHARE)))
        return np.array([row for part in parts for row in part], np.int64)


def fingerprint(classes: list[str], kingdoms: tuple[str | None, ...], size: int, labels: dict, checksums: dict) -> str:
    """Return the digest of a prepared data set: of its classes, labels and pixels, and of nothing else."""
    digest = hashlib.sha256(repr((classes, kingdoms, size)).encode())
    for part in ("train", "test"):
        digest.update(labels[part].tobytes() + checksums[part].tobytes())
    return digest.hexdigest()[:16]


def _array(path: Path, mapped: bool = False) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r" if mapped else None)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged or missing ({error}); {_again(path.parent)}") from error


def _again(folder: Path) -> str:
    return (
        f"run python -m transferlab prepare with --out {folder} again, as it was made: only what is damaged is decoded"
    )
