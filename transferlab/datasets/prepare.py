"""A tree of image files, decoded once into arrays on disk that training can map into memory.

A prepared folder holds `manifest.json`, written last, and arrays for each part (train, test): images (uint8
`[N, 3, size, size]`), labels (int64, -1 where a file could not be read), checksums (crc32), and a state for each
image, from which an interrupted preparation resumes.
"""

import hashlib
import json
import os
import shutil
import zlib
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from transferlab.datasets.folder import list_parts, read_image

CHUNK = 256  # images that a worker decodes at a time
LOCK = "prepare.lock"
WAITING, READ, UNREADABLE = range(3)


def prepare(name: str, data_root: str | Path, out: str | Path, size: int, workers: int) -> list[str]:
    """Decode the images of `data_root` ("imagenet" or "folder") to `size` pixels into the folder `out`.

    Returns the files that could not be read; they are left out, and listed in `unreadable.txt`. Prints beforehand how
    much disk it needs. An interrupted preparation resumes. Raises ValueError if `out` holds other images, the disk is
    too small, or a class has no readable image; and what `list_parts` raises.
    """
    out = Path(out)
    parts, classes, kingdoms = list_parts(name, data_root)
    task = {"name": name, "size": size, "classes": classes, "kingdoms": kingdoms, "files": _digest(parts)}
    if out.exists() and not is_prepared(out) and any(file.name != LOCK for file in out.iterdir()):
        raise ValueError(f"{out} is not empty, and was not prepared; choose another folder for --out")
    _check_room(parts, out, size)
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            _claim(out, task)
            if (out / "manifest.json").exists():
                return (out / "unreadable.txt").read_text().splitlines()
            for part, files in parts.items():
                _decode(out, part, files, size, workers)
            return _finish(out, parts, task)
    except Timeout:
        raise ValueError(f"another process is preparing {out}; wait for it to finish, or stop it") from None


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a prepared folder; raise ValueError if there is none, or it cannot be read."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        return {key: manifest[key] for key in ("name", "size", "classes", "kingdoms", "files", "fingerprint")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} is not a prepared folder, or its preparation is not finished ({error}). Run "
            "python -m transferlab prepare NAME --data-root DIR --size PIXELS --out " + str(folder)
        ) from error


def is_prepared(folder: str | Path | None) -> bool:
    """Whether a preparation of `folder` has begun."""
    return folder is not None and (Path(folder) / "begun.json").exists()


def read_prepared(folder: str | Path | None, name: str, size: int) -> dict:
    """Return the fields of a DataSet from a prepared folder; images stay on disk. Raises ValueError."""
    if folder is None:
        raise ValueError(f'the data set "{name}" needs data_root, a folder made by python -m transferlab prepare')
    folder = Path(folder)
    manifest = read_manifest(folder)
    if (manifest["name"], manifest["size"]) != (name, size):
        raise ValueError(
            f"{folder} was prepared as {manifest['name']} at {manifest['size']} pixels; requested is {name} at {size}"
        )
    fields = {}
    for part in ("train", "test"):
        fields[f"{part}_images"] = np.load(folder / f"{part}_images.npy", mmap_mode="r")
        fields[f"{part}_labels"] = np.load(folder / f"{part}_labels.npy")
    names = {"class_names": tuple(manifest["classes"]), "kingdoms": tuple(manifest["kingdoms"])}
    return fields | names | {"fingerprint": manifest["fingerprint"]}


def _digest(parts: dict[str, list[tuple[str, int]]]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _check_room(parts: dict[str, list[tuple[str, int]]], out: Path, size: int) -> None:
    """Print how much disk is needed, and raise ValueError if there is less."""
    images = sum(map(len, parts.values()))
    there = sum(file.stat().st_size for file in out.glob("*_images.npy"))
    needed = images * 3 * size * size
    above = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    free = shutil.disk_usage(above).free
    print(f"{images:,} images of {size} pixels need {needed / 1e9:.1f} GB in {out}; {free / 1e9:.1f} GB are free")
    if needed - there > free:
        raise ValueError(
            f"preparing needs {needed / 1e9:.1f} GB, but {above} has only {free / 1e9:.1f} GB left; "
            "choose another folder for --out, or a smaller --size"
        )


def _claim(out: Path, task: dict) -> None:
    """Record what `out` is prepared from, or check that it was begun with the same images."""
    path = out / "begun.json"
    if path.exists():
        if json.loads(path.read_text()) != json.loads(json.dumps(task)):
            raise ValueError(f"{out} was begun with other images, classes or size; choose another --out, or remove it")
    else:
        path.write_text(json.dumps(task))


def _decode(out: Path, part: str, files: list[tuple[str, int]], size: int, workers: int) -> None:
    arrays = {"images": (np.uint8, (3, size, size)), "checksums": (np.uint32, ()), "state": (np.uint8, ())}
    for name, (dtype, shape) in arrays.items():
        _allocate(out / f"{part}_{name}.npy", dtype, (len(files), *shape))
    state = np.load(out / f"{part}_state.npy", mmap_mode="r")
    chunks = [range(start, min(start + CHUNK, len(files))) for start in range(0, len(files), CHUNK)]
    todo = [chunk for chunk in chunks if (state[chunk.start : chunk.stop] == WAITING).any()]
    with (
        ProcessPoolExecutor(workers, get_context("spawn")) as pool,
        tqdm(total=len(files), initial=int((state != WAITING).sum()), desc=part, unit="image") as bar,
    ):
        work = [
            pool.submit(decode_chunk, out, part, chunk, [path for path, _ in files[chunk.start : chunk.stop]], size)
            for chunk in todo
        ]
        try:
            for each in as_completed(work):
                bar.update(each.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def decode_chunk(out: Path, part: str, rows: range, paths: list[str], size: int) -> int:
    """Decode some files into their rows, in a worker; return how many were new."""
    images, checksums, state = (
        np.load(out / f"{part}_{n}.npy", mmap_mode="r+") for n in ("images", "checksums", "state")
    )
    new = 0
    for row, path in zip(rows, paths, strict=True):
        if state[row] != WAITING:
            continue
        new += 1
        try:
            images[row] = read_image(path, size)
        except ValueError:
            state[row] = UNREADABLE
            continue
        checksums[row] = zlib.crc32(images[row].tobytes())
        state[row] = READ  # last: a row marked so is complete
    return new


def _allocate(path: Path, dtype: type, shape: tuple[int, ...]) -> None:
    """Make an array of zeros on disk, its space reserved: a map that outgrows the disk would kill the process."""
    if path.exists():
        return
    beside = path.with_suffix(".part")
    try:
        array = np.lib.format.open_memmap(beside, "w+", dtype, shape)
        size = array.offset + array.nbytes
        del array
        if hasattr(os, "posix_fallocate"):
            with beside.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ValueError(
            f"there is no room for {path} ({error}); free some space and run the same command again: it resumes"
        ) from error


def _finish(out: Path, parts: dict[str, list[tuple[str, int]]], task: dict) -> list[str]:
    """Write labels and the manifest, last."""
    unreadable, digest = [], hashlib.sha256(repr((task["classes"], task["kingdoms"], task["size"])).encode())
    for part, files in parts.items():
        read = np.load(out / f"{part}_state.npy") == READ
        labels = np.array([label for _, label in files], np.int64)
        unreadable += [path for (path, _), fine in zip(files, read, strict=True) if not fine]
        labels[~read] = -1
        counts = np.bincount(labels[read], minlength=len(task["classes"]))
        if empty := [task["classes"][i] for i in np.flatnonzero(counts == 0)]:
            raise ValueError(f"no readable {part} image in {len(empty)} classes: {', '.join(empty[:10])}")
        np.save(out / f"{part}_labels.npy", labels)
        digest.update(labels.tobytes() + np.load(out / f"{part}_checksums.npy").tobytes())
    (out / "unreadable.txt").write_text("".join(f"{path}\n" for path in unreadable))
    beside = out / "manifest.part"
    beside.write_text(json.dumps({**task, "fingerprint": digest.hexdigest()[:16]}))
    beside.replace(out / "manifest.json")
    return unreadable
