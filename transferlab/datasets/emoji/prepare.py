"""`python -m transferlab prepare emoji`: fetches the archives and draws each design once. See `prepared`."""

import io
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image
from safetensors.numpy import save_file
from tqdm.auto import tqdm

from transferlab.system import npm
from transferlab.system.files import checksum, replacing

from .archives import SETS, Icons, IconSet
from .classes import TABLE, Thing, choose, parsed, written
from .prepared import VERSION, designs_of, manifest_of, read_manifest

SIDE = 64  # of a design, in pixels
LOCK = "prepare.lock"


def prepare(out: Path, sets: Sequence[IconSet] = SETS, table: str | None = None) -> list[str]:
    """Put the designs of all classes into the folder `out`. What is there and whole is left as it is.

    Args:
        out: a new folder, one that has some of the archives, or that of an earlier preparation.
        sets: where the designs come from.
        table: the classes that the archives must give, as in `classes.csv`; None: those of `classes.csv`.

    Returns:
        The designs that resvg cannot draw, such as "noto: banana"; they are left out. Prints what was done.

    Raises:
        ValueError: for an archive that is not the pinned one, for a folder of another version or with other classes,
            and if a class has no design left to train on, or to test on.
        OSError: for an archive that is not there and cannot be fetched.
    """
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            return _prepare(out, sets, TABLE.read_text("utf-8") if table is None else table)
    except Timeout:
        raise ValueError(f"another process is preparing {out}; wait for it to finish, or stop it") from None


def _prepare(out: Path, sets: Sequence[IconSet], table: str) -> list[str]:
    begun: dict[str, Any] = {"version": VERSION, "table": table, "names": [each.name for each in sets]}
    manifest: dict[str, Any] = read_manifest(out) if manifest_of(out).exists() else {**begun, "sets": {}}
    if any(manifest[key] != begun[key] for key in begun):
        raise ValueError(f"{out} was prepared from other sets or classes; choose another folder for --out")
    todo = [each for each in sets if not _is_whole(out, each, manifest)]
    things = parsed(table)
    if todo:
        for each in tqdm(sets, desc="archives", unit="archive"):
            npm.fetch(each.package, out)
        icons = {each.name: each.read(out) for each in sets}
        if written(choose(icons)) != table:
            raise ValueError("the archives do not give the classes of classes.csv; install this package anew")
        with tqdm(total=sum(each.name in thing.sets for each in todo for thing in things), unit="design") as bar:
            for each in todo:
                bar.set_description(each.name)
                manifest["sets"][each.name] = _draw(out, each, icons[each.name], things, bar)
                with replacing(manifest_of(out)) as beside:
                    beside.write_text(json.dumps(manifest, indent=1), "utf-8")
    left_out = {name: manifest["sets"][name]["left_out"] for name in begun["names"]}
    for part in ("train", "test"):
        of_part = [each.name for each in sets if each.part == part]
        left = Counter(t.name for t in things for name in of_part if name in t.sets and t.name not in left_out[name])
        if empty := [thing.name for thing in things if not left[thing.name]]:
            raise ValueError(f"no design to {part} on could be drawn for {len(empty)} classes: {', '.join(empty[:10])}")
    count = sum(one["designs"] for one in manifest["sets"].values())
    print(f"{len(things):,} classes, {count:,} designs in {len(sets)} sets, {len(todo)} of them drawn now")
    return [f"{name}: {each}" for name, some in left_out.items() for each in some]


def _is_whole(out: Path, each: IconSet, manifest: dict) -> bool:
    """Whether a set was drawn from the archive that is pinned, and is as it was written."""
    known, path = manifest["sets"].get(each.name), designs_of(out, each.name)
    return bool(known) and known["package"] == str(each.package) and path.exists() and checksum(path) == known["sha256"]


def _draw(out: Path, one: IconSet, icons: Icons, things: Sequence[Thing], bar: tqdm) -> dict:
    """Draw a set's designs of all classes into a file; return what the manifest says of them."""
    rows, designs, left_out = [], [], []
    for row, thing in enumerate(things):
        if name := icons.find(thing.name):
            bar.update()
            try:
                designs.append(drawn(icons.svg(name)))
                rows.append(row)
            except ValueError:
                left_out.append(thing.name)
    path = designs_of(out, one.name)
    arrays: dict[str, np.ndarray] = {
        "classes": np.array(rows, np.int64),
        "designs": np.array(designs, np.uint8).reshape(-1, SIDE, SIDE, 4),
    }
    with replacing(path) as beside:
        save_file(arrays, beside)
        shutil.copymode(out / LOCK, beside)  # safetensors lets nobody else read its files; the umask may
    return {
        "package": str(one.package), "lineage": one.lineage, "part": one.part, "licence": one.licence,
        "authors": one.authors, "drawn_by": f"resvg-py {version('resvg-py')}", "sha256": checksum(path),
        "designs": len(rows), "left_out": left_out,
    }  # fmt: skip


def drawn(svg: str) -> np.ndarray:
    """Draw an SVG document: uint8 `[SIDE, SIDE, 4]`: red, green, blue, and how much of a pixel is covered.

    Raises ValueError if resvg cannot draw it, or nothing is to be seen.
    """
    import resvg_py  # here, since a folder that is prepared can be read without it

    try:
        png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of resvg's is no Exception
        raise ValueError(f"resvg cannot draw it ({error})") from error
    if pixels.shape != (SIDE, SIDE, 4) or not pixels[..., 3].any():
        raise ValueError("nothing is to be seen")
    return pixels
