"""Fetching the archives and drawing each design once: the folder that the data set is read from.

It holds the nine archives, for each set a file of designs, and `manifest.json` with classes and checksums.
"""

import io
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image
from safetensors.numpy import save_file
from tqdm.auto import tqdm

from transferlab.system import cache, npm
from transferlab.system.files import checksum, replacing

from .archives import SETS, Icons, IconSet
from .classes import TABLE, Thing, choose, written
from .poses import SIDE

VERSION = 1  # of the rules for designs: a folder of another version is not read
MANIFEST = "manifest.json"
LOCK = "prepare.lock"


def default_folder() -> Path:
    """Where the data set is prepared, and looked for, if nothing else is said."""
    return cache.folder() / "emoji"


def prepare(out: Path, sets: Sequence[IconSet] = SETS, table: str | None = None) -> list[str]:
    """Put the designs of all classes into the folder `out`; what is there already is left as it is.

    Args:
        out: a new folder, one with some of the archives in it, or that of an earlier preparation.
        sets: where the designs come from.
        table: the classes that must come out, as `classes.csv`; None: those of the data set.

    Returns:
        The designs that resvg cannot draw, such as "noto: banana"; they are left out.

    Raises:
        ValueError: for an archive that is not the pinned one, and a folder of another version.
        OSError: for an archive that is not there and cannot be fetched.
    """
    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=0):
            return _prepare(out, sets, TABLE.read_text("utf-8") if table is None else table)
    except Timeout:
        raise ValueError(f"another process is preparing {out}; wait for it to finish, or stop it") from None


def _prepare(out: Path, sets: Sequence[IconSet], table: str) -> list[str]:
    manifest = {"version": VERSION, "table": table, "sets": {}}
    if (out / MANIFEST).exists():
        manifest = read_manifest(out)
        if manifest["table"] != table:
            raise ValueError(f"{out} was prepared with other classes; choose another folder for --out, or remove it")
    todo = [each for each in sets if not _finished(out, each, manifest)]
    if todo:
        archives = {each.name: npm.fetch(each.package, out) for each in tqdm(sets, desc="archives", unit="archive")}
        icons = {name: Icons(path) for name, path in archives.items()}
        things = choose(icons)
        if written(things) != table:
            raise ValueError("the archives give other classes than those of the data set; is this package damaged?")
        for each in todo:
            manifest["sets"][each.name] = _rasterise(out, each, icons[each.name], things)
            with replacing(out / MANIFEST) as beside:
                beside.write_text(json.dumps(manifest, indent=1), "utf-8")
    return [f"{name}: {each}" for name, one in manifest["sets"].items() for each in one["left_out"]]


def read_manifest(folder: Path) -> dict:
    """Return the manifest of a prepared folder; raise ValueError for one of another version, or that is damaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        found = manifest["version"], manifest["table"], manifest["sets"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / MANIFEST} cannot be read ({error})") from error
    if found[0] != VERSION:
        raise ValueError(f"{folder} is of version {found[0]} of the data set emoji; this package reads {VERSION}")
    return manifest


def _finished(out: Path, each: IconSet, manifest: dict) -> bool:
    known, path = manifest["sets"].get(each.name), designs_of(out, each.name)
    return bool(known) and known["package"] == str(each.package) and path.exists() and checksum(path) == known["sha256"]


def designs_of(folder: Path, name: str) -> Path:
    """The file with the designs of a set."""
    return folder / f"{name}.safetensors"


def _rasterise(out: Path, one: IconSet, icons: Icons, things: Sequence[Thing]) -> dict:
    """Draw a set's designs of all classes into a file; return what the manifest says of it."""
    rows, designs, left_out = [], [], []
    for row, thing in enumerate(tqdm(things, desc=one.name, unit="design")):
        if name := icons.find(thing.name):
            try:
                designs.append(rasterised(icons.svg(name)))
                rows.append(row)
            except ValueError:
                left_out.append(thing.name)
    path = designs_of(out, one.name)
    with replacing(path) as beside:
        save_file({"classes": np.array(rows, np.int64), "designs": np.stack(designs)}, beside)
    drawn_by = f"resvg-py {version('resvg-py')}"
    return {"package": str(one.package), "lineage": one.lineage, "part": one.part, "drawn_by": drawn_by,
            "sha256": checksum(path), "designs": len(rows), "left_out": left_out}  # fmt: skip


def rasterised(svg: str) -> np.ndarray:
    """Draw an SVG document: uint8 `[SIDE, SIDE, 4]`; raise ValueError if resvg cannot, or nothing is to be seen."""
    import resvg_py  # here: only a preparation needs it

    png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    pixels = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))
    if pixels.shape != (SIDE, SIDE, 4) or not pixels[..., 3].any():
        raise ValueError("nothing is to be seen")
    return pixels
