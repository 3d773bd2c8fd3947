"""A tree of image files, decoded once into arrays on disk that training can map into memory.

Beside what is read from it (see `prepared`), a prepared folder holds a record of every file that it was made from, in
`train_rows.npy` and `test_rows.npy`. A preparation that was interrupted resumes from it, and one that is repeated finds
in it what has changed since.
"""

import hashlib
import json
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from transferlab.datasets.decoders import decoders
from transferlab.datasets.folder import Files, list_parts
from transferlab.datasets.images import PIXELS, Framing, as_text, read_image
from transferlab.datasets.prepared import FRAMED, damaged, fingerprint, is_prepared
from transferlab.system.files import replacing

CHUNK = 256  # images that a worker decodes at a time
LOCK = "prepare.lock"
WAITING, READ, UNREADABLE = range(3)
ROW = np.dtype(
    [
        ("state", np.uint8),
        ("checksum", np.uint32),  # crc32 of the image's pixels
        ("name", np.uint8, 16),  # digest of the file's path below data_root
        ("stat", np.int64, 3),  # of the file when it was decoded: size in bytes, times of change in ns
        ("digest", np.uint8, 16),  # of the file's bytes; zeros: not decoded
    ]
)


class OtherImages(ValueError):
    """A folder was prepared from images of which none is among those that are given now, or with another size."""


def prepare(
    name: str,
    data_root: str | Path,
    out: str | Path,
    size: int,
    workers: int,
    resize: int | None = None,
    interpolation: str = "bilinear",
) -> list[str]:
    """Decode the images of `data_root` ("imagenet" or "folder") to `size` pixels into the folder `out`.

    If `out` was prepared before, only what has changed is decoded: files that are new, files whose bytes are other ones
    (looked at where size or times differ), those that could not be read, and rows that do not have their checksums.

    Args:
        name: "imagenet" or "folder".
        data_root: the tree of images, as `list_parts` takes it.
        out: a new folder, or that of an earlier preparation.
        size: the side of the images in pixels.
        workers: how many images are decoded at a time. One decodes in this process; more are programs of their own, so
            a script that calls this needs no `if __name__ == "__main__"`.
        resize, interpolation: see `images.Framing`.

    Returns:
        The files that could not be read; they are left out, and listed in `unreadable.txt`. Prints beforehand how much
        disk is needed, and afterwards what was done.

    Raises:
        ValueError: if `out` holds other images, the disk is too small, or a class has no readable image; and what
            `list_parts` raises.
    """
    out, framing = Path(out).expanduser(), Framing(size, resize, interpolation)
    parts, classes, kingdoms = list_parts(name, data_root)
    root = Path(data_root).expanduser()
    names = {part: [_name(path, root) for path, _ in files] for part, files in parts.items()}
    if out.exists() and not is_prepared(out) and any(file.name != LOCK for file in out.iterdir()):
        raise ValueError(f"{out} is not empty, and was not prepared; choose another folder for --out")
    _check_room(parts, out, size)
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            _claim(out, {"name": name, "size": size, "pixels": PIXELS, **framing.options()}, names)
            done: Counter = Counter()
            for part, files in parts.items():
                done += _update(out, part, files, np.array(names[part], np.uint8), framing, workers)
            task = {"name": name, "size": size, "classes": classes, "kingdoms": kingdoms, **framing.options()}
            unreadable = _finish(out, parts, task)
    except Timeout:
        raise ValueError(f"another process is preparing {out}; wait for it to finish, or stop it") from None
    decoded = sum(done[why] for why in ("new", "retried", "changed", "damaged"))
    print(
        f"{decoded:,} images decoded ({done['new']:,} new, {done['retried']:,} unreadable before, "
        f"{done['changed']:,} changed, {done['damaged']:,} damaged in {out.name}); {done['kept']:,} as they were; "
        f"{done['removed']:,} removed; {len(unreadable):,} could not be read"
    )
    return unreadable


def _name(path: str, root: Path) -> list[int]:
    """Return a digest that is the same for the same file below `root`, however `root` is written."""
    below = as_text(os.path.relpath(path, root)).replace(os.sep, "/")
    return [*hashlib.blake2b(below.encode(), digest_size=16).digest()]


def _check_room(parts: dict[str, Files], out: Path, size: int) -> None:
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


def _claim(out: Path, task: dict, names: dict[str, list]) -> None:
    """Record what `out` is prepared from, or check that it was begun with the same images.

    A folder of another version, whose rows or pixels followed other rules, is begun afresh.
    """
    path = out / "begun.json"
    begun = json.loads(path.read_text(encoding="utf-8")) if path.exists() else task
    if any(begun.get(key) != task.get(key) for key in ("name", "size", *FRAMED)):
        raise OtherImages(f"{out} was begun with other images, classes or size; choose another --out, or remove it")
    if begun.get("pixels") != PIXELS:
        print(f"{out} was prepared by an earlier version, whose rules for pixels were others: all is decoded again")
        (out / "manifest.json").unlink(missing_ok=True)
        for file in out.glob("*_rows.npy"):
            file.unlink()
    held = {bytes(name) for part in names for name in _rows(out, part)["name"]}
    if held and not held & {bytes(name) for part in names.values() for name in part}:
        raise OtherImages(f"{out} was begun with other images, classes or size; choose another --out, or remove it")
    _write(path, json.dumps(task))


def _rows(out: Path, part: str) -> np.ndarray:
    """Return the rows of a part, in memory; none if there are none that can be read."""
    try:
        rows = np.load(out / f"{part}_rows.npy")
    except (OSError, ValueError, EOFError):
        return np.zeros(0, ROW)
    return rows if rows.dtype == ROW else np.zeros(0, ROW)


def _update(out: Path, part: str, files: Files, names: np.ndarray, framing: Framing, workers: int) -> Counter:
    """Bring the arrays of a part up to date with its files; return how many images were decoded, and why."""
    old = _arrange(out, part, names, framing.size)
    rows = _rows(out, part)
    images = np.load(out / f"{part}_images.npy", mmap_mode="r")
    why = np.full(len(rows), "", "U10")
    why[rows["state"] == WAITING] = "new"
    why[rows["state"] == UNREADABLE] = "retried"
    now = np.array([_stat(path) for path, _ in files], np.int64).reshape(-1, 3)
    why[(rows["state"] == READ) & (rows["stat"] != now).any(1)] = "changed"
    broken = damaged(images, rows["checksum"], rows["state"] == READ)
    del images  # Windows replaces no file that is mapped
    why[broken] = "damaged"
    rows["digest"][broken] = 0  # so that it is decoded, whether the file is the same or not
    if len(todo := np.flatnonzero(why != "")):
        (out / "manifest.json").unlink(missing_ok=True)
        rows["state"][todo] = WAITING
        _save(out / f"{part}_rows.npy", rows)
        _decode(out, part, [path for path, _ in files], todo, framing, workers)
    after = _rows(out, part)
    decoded = (after["state"] == READ) & (after["digest"] != rows["digest"]).any(1)
    done = Counter(str(each) for each in why[decoded])
    done["kept"] = int(((after["state"] == READ) & ~decoded).sum())
    done["removed"] = len({bytes(name) for name in old} - {bytes(name) for name in names})
    return done


def _arrange(out: Path, part: str, names: np.ndarray, size: int) -> np.ndarray:
    """Give each file, by its name, the row of its number, and keep the pixels of those that have one already.

    Returns the names of the rows that there were. If this is interrupted, rows and images do not belong together; then
    the rows do not have their checksums, and are decoded again.
    """
    old, path = _rows(out, part), out / f"{part}_images.npy"
    try:
        images = np.load(path, mmap_mode="r")
        usable = images.dtype == np.uint8 and images.shape == (len(old), 3, size, size)
        del images
    except (OSError, ValueError, EOFError):
        usable = False
    if usable and np.array_equal(old["name"], names):
        return old["name"]
    (out / "manifest.json").unlink(missing_ok=True)
    places = {bytes(name): row for row, name in enumerate(old["name"])} if usable else {}
    kept = np.array([places.get(bytes(name), -1) for name in names], np.int64)
    rows = np.zeros(len(names), ROW)
    rows[kept >= 0] = old[kept[kept >= 0]]
    rows["name"] = names
    _allocate(path, (len(names), 3, size, size), kept)
    _save(out / f"{part}_rows.npy", rows)
    return old["name"]


def _allocate(path: Path, shape: tuple[int, ...], kept: np.ndarray) -> None:
    """Make an array on disk, its space reserved: a map that outgrows the disk would kill the process.

    Row i is row `kept[i]` of the array that is there, or zeros where `kept` is below 0.
    """
    try:
        with replacing(path) as beside:
            array = np.lib.format.open_memmap(beside, "w+", np.uint8, shape)
            size = array.offset + array.nbytes
            if hasattr(os, "posix_fallocate"):
                with beside.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, size)
            rows = np.flatnonzero(kept >= 0)
            if len(rows):
                old = np.load(path, mmap_mode="r")
                for some in np.array_split(rows, -(-len(rows) // CHUNK)):
                    array[some] = old[kept[some]]
                del old
            array.flush()
            del array
    except OSError as error:
        raise ValueError(
            f"there is no room for {path} ({error}); free some space and run the same command again: it resumes"
        ) from error


def _decode(out: Path, part: str, paths: list[str], todo: np.ndarray, framing: Framing, workers: int) -> None:
    """Decode the files of the rows `todo`."""
    chunks = [todo[start : start + CHUNK].tolist() for start in range(0, len(todo), CHUNK)]
    with (
        decoders(min(workers, len(chunks)), decode_chunk, die_over) as submit,
        tqdm(total=len(paths), initial=len(paths) - len(todo), desc=part, unit="image") as bar,
    ):
        for finished in submit([(str(out), part, rows, [paths[row] for row in rows], framing) for rows in chunks]):
            bar.update(finished)


def decode_chunk(out: str, part: str, rows: list[int], paths: list[str], framing: Sequence) -> int:
    """Decode those of some files that wait for it into their rows; return how many files were given.

    `framing` has the fields of a Framing. A file whose bytes are those that its row was decoded from is not decoded.
    """
    images, table = (np.load(Path(out) / f"{part}_{name}.npy", mmap_mode="r+") for name in ("images", "rows"))
    for row, path in zip(rows, paths, strict=True):
        if table["state"][row] != WAITING:
            continue
        try:
            stat, digest = _stat(path), _digest(path)
            if (table["digest"][row] != digest).any() or zlib.crc32(images[row]) != table["checksum"][row]:
                images[row] = read_image(path, *framing)
        except (ValueError, OSError):
            leave_out(table, row)
            continue
        table["stat"][row], table["digest"][row] = stat, digest
        table["checksum"][row] = zlib.crc32(images[row])
        table["state"][row] = READ  # last: a row marked so is complete
    return len(rows)


def die_over(call: tuple) -> str:
    """Mark the first row of a call of `decode_chunk` that still waits, and return its file."""
    out, part, rows, paths, _ = call
    table = np.load(Path(out) / f"{part}_rows.npy", mmap_mode="r+")
    row, path = next((each for each in zip(rows, paths, strict=True) if table["state"][each[0]] == WAITING), (None, ""))
    if row is not None:
        leave_out(table, row)
    return path


def leave_out(table: np.ndarray, row: int) -> None:
    """Mark a row whose file cannot be read."""
    for field in ("stat", "digest", "checksum"):
        table[field][row] = 0
    table["state"][row] = UNREADABLE


def _stat(path: str) -> tuple[int, int, int]:
    """Return what tells, without reading a file, that it is not the one it was."""
    try:
        stat = os.stat(path)
    except OSError:
        return 0, 0, 0
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns  # the last one cannot be set to what it was


def _digest(path: str) -> np.ndarray:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
    return np.frombuffer(digest, np.uint8)


def _finish(out: Path, parts: dict[str, Files], task: dict) -> list[str]:
    """Write labels, checksums and the manifest, last, unless they are there; return the files that were not read."""
    unreadable, labels, checksums = [], {}, {}
    for part, files in parts.items():
        rows = _rows(out, part)
        read = rows["state"] == READ
        labels[part], checksums[part] = np.array([label for _, label in files], np.int64), rows["checksum"].copy()
        unreadable += [path for (path, _), fine in zip(files, read, strict=True) if not fine]
        counts = np.bincount(labels[part][read], minlength=len(task["classes"]))
        if empty := [task["classes"][i] for i in np.flatnonzero(counts == 0)]:
            raise ValueError(f"no readable {part} image in {len(empty)} classes: {', '.join(empty[:10])}")
        labels[part][~read] = -1
    task["fingerprint"] = fingerprint(task["classes"], task["kingdoms"], task["size"], labels, checksums)
    listed = "".join(f"{path}\n" for path in unreadable).encode("utf-8", "surrogateescape")
    for part in parts:
        for name, array in (("labels", labels[part]), ("checksums", checksums[part])):
            path = out / f"{part}_{name}.npy"
            if not path.exists() or not _holds(path, array):
                _save(path, array)
    if not (out / "unreadable.txt").exists() or (out / "unreadable.txt").read_bytes() != listed:
        (out / "unreadable.txt").write_bytes(listed)
    _write(out / "manifest.json", json.dumps(task))
    return unreadable


def _holds(path: Path, array: np.ndarray) -> bool:
    try:
        return np.array_equal(np.load(path), array)
    except (OSError, ValueError, EOFError):
        return False


def _save(path: Path, array: np.ndarray) -> None:
    """Write an array so that the file is whole, or the one that was there."""
    with replacing(path) as beside, beside.open("wb") as file:
        np.save(file, array)


def _write(path: Path, text: str) -> None:
    """Write a text so that the file is whole, or the one that was there."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
