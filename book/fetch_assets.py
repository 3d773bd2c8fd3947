"""Fetch what the book's pages load in a browser, so that they need no other host: widgets and formulas.

Two npm packages, pinned by version and by the sha512 of their archive, are unpacked into book/assets.
A folder appears only when it is whole; one that is there, of the pinned version, is left alone.
"""

import fnmatch
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from transferlab.system import npm

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Package:
    folder: str  # in book/assets
    source: npm.Pinned
    root: str  # the folder of the archive whose files are kept, less this prefix
    keep: tuple[str, ...]  # patterns below root

    @property
    def stamp(self) -> str:
        return f"{self.source} sha512-{self.source.sha512}\n" + "\n".join(self.keep)


PACKAGES = (
    Package(
        folder="widgets",
        source=npm.Pinned(
            "@jupyter-widgets/html-manager",
            "1.0.15",
            "5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
        ),
        root="package/dist/",
        keep=("embed.js", "embed.js.LICENSE.txt", "*.woff2"),
    ),
    Package(
        folder="mathjax",
        source=npm.Pinned(
            "mathjax",
            "3.2.2",
            "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        ),
        root="package/es5/",
        keep=("tex-mml-chtml.js", "input/tex/extensions/*.js", "output/chtml/fonts/woff-v2/*.woff"),
    ),
)


def unpack(package: Package, archive: Path, folder: Path) -> None:
    """Write the files the book uses into `folder`."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix(package.root)
            wanted = member.name.startswith(package.root) and any(
                fnmatch.fnmatchcase(name, pattern) for pattern in package.keep
            )
            file = tar.extractfile(member) if member.isfile() else None  # no links, nor folders
            if file and wanted and ".." not in Path(name).parts:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())


def fetch(package: Package) -> None:
    """Bring book/assets/<folder> to the pinned version, all of it or nothing."""
    target = ASSETS / package.folder
    stamp = target / "VERSION.txt"
    if stamp.is_file() and stamp.read_text() == package.stamp:
        return
    print(f"Fetching {package.source} from npm", flush=True)
    ASSETS.mkdir(exist_ok=True)
    archive = npm.fetch(package.source, ASSETS)
    with tempfile.TemporaryDirectory(dir=ASSETS, prefix=".unpacking-") as beside:
        fresh = Path(beside) / "fresh"
        unpack(package, archive, fresh)
        (fresh / "VERSION.txt").write_text(package.stamp)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(fresh, target)
    archive.unlink()


if __name__ == "__main__":
    try:
        for package in PACKAGES:
            fetch(package)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
