"""What an image is and which pixels it has: one rule for the data sets "folder" and "imagenet", and for `prepare`.

Pillow opens the files; nothing is decoded by hand. The page "Your own images" states the rules for readers.
"""

import os
import unicodedata
import warnings
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

PIXELS = 2  # the version of the rules for pixels: prepared images of another version are decoded again
BITS, SAMPLES = 258, 339  # tags of a TIFF: how many bits a value has, and whether it is unsigned (1), signed or a float
GROUND = "white"  # what transparent images are laid on
# Pillow knows these by sight only, or has another program or Windows draw them (EPS: Ghostscript)
NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
# what systems and programs put beside images; so do names that begin with a dot
OF_THE_SYSTEM = {
    "@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "__pycache__",
    "desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "icon\r", "lost+found", "system volume information",
    "thumbs.db",
}  # fmt: skip


@dataclass
class PassedOver:
    """What was found among images and not taken: files by suffix, and names that belong to a system or program."""

    suffixes: Counter = field(default_factory=Counter)
    hidden: set = field(default_factory=set)
    again: int = 0  # links to what is read already

    def __str__(self) -> str:
        """Return all of it in a line, or nothing if there is nothing to say."""
        counts = [f"{count:,} {suffix or 'without a suffix'}" for suffix, count in sorted(self.suffixes.items())]
        counts += [f"{self.again:,} links to what is read already"] * bool(self.again)
        names = sorted(self.hidden)
        return "; ".join(
            [", ".join(counts)] * bool(counts)
            + [f"hidden names ({', '.join(names[:5])}{', ...' * (len(names) > 5)})"] * bool(names)
        )


def is_hidden(name: str) -> bool:
    """Whether a file or folder belongs to a system or a program, and is passed over with all that is in it.

    >>> [name for name in (".DS_Store", "@eaDir", "Thumbs.db", "ant", "0.png") if is_hidden(name)]
    ['.DS_Store', '@eaDir', 'Thumbs.db']
    """
    return name.startswith(".") or name.lower() in OF_THE_SYSTEM


def as_text(name: str) -> str:
    """Return the name of a file or folder in Unicode's normal form C, whatever the locale is.

    Python decodes names by the locale, but they are UTF-8 nearly everywhere. Bytes that are not are spelled out.

    >>> len("e\\u0301"), len(as_text("e\\u0301"))
    (2, 1)
    """
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))


def formats() -> tuple[str, ...]:
    """Return the formats that Pillow reads, in the order in which it tries them."""
    Image.init()
    return tuple(name for name in Image.ID if name not in NO_PICTURES)


def suffixes() -> frozenset[str]:
    """Return the suffixes of those formats, such as ".png", in lower case."""
    read = {*formats(), "MPO"}  # opened as a JPEG, which it is: its first picture
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in read)


def find_images(folders: Iterable[str], holder: str, others: Iterable[str], passed: PassedOver) -> list[str]:
    """Return the images in the folders of a class, at any depth, in order of folder and name.

    An image is a file with a suffix that Pillow reads, or a file without a suffix that Pillow recognises. Links are
    followed, but each folder and each file is read once. A link is passed over where it leads to one of `others`, the
    real paths of the other classes' folders, or to a folder that holds the link, or `holder`, the folder of all
    classes. What is passed over is added to `passed`. Raises OSError for a folder that cannot be read.
    """
    known, top = suffixes(), os.path.realpath(holder)
    waiting, seen = deque((folder, top) for folder in folders), {*others}
    found: dict[str, str] = {}  # by the real path
    links: list[str] = []
    while waiting:
        here, above = waiting.popleft()
        real = os.path.realpath(here)
        if real in seen or _holds(real, above) or _holds(real, top):
            passed.again += 1
            continue
        seen.add(real)
        with os.scandir(here) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    passed.hidden.add(entry.name)
                elif entry.is_dir() and entry.is_symlink():
                    waiting.append((entry.path, real))  # last: a folder is read under its own name where it is here too
                elif entry.is_dir():
                    waiting.appendleft((entry.path, real))
                elif not _is_image(entry, known):
                    passed.suffixes[Path(entry.name).suffix.lower()] += 1
                elif entry.is_symlink():
                    links.append(entry.path)
                else:
                    found[os.path.join(real, entry.name)] = entry.path
    for path in sorted(links):
        target = os.path.realpath(path)
        passed.again += target in found
        found.setdefault(target, path)
    return sorted(found.values(), key=os.path.split)


def _holds(folder: str, other: str) -> bool:
    return Path(other).is_relative_to(folder)


def _is_image(entry: os.DirEntry, known: frozenset[str]) -> bool:
    if not (entry.is_file() or entry.is_symlink()):  # a pipe would be waited for; a link into nowhere is named later
        return False
    suffix = Path(entry.name).suffix.lower()
    if suffix:
        return suffix in known
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(entry.path, formats=formats()):
            return True
    except Exception:  # whatever a decoder says to a file that is not its own
        return False


class Framing(NamedTuple):
    """What of an image is kept: its shorter side is scaled to `resize` pixels (None: to `size`), its centre cropped."""

    size: int
    resize: int | None = None
    interpolation: str = "bilinear"  # or "bicubic"

    def of(self, image: Image.Image) -> Image.Image:
        """Return the square of `size` pixels."""
        how = Image.Resampling[self.interpolation.upper()]
        if self.resize is None:
            return ImageOps.fit(image, (self.size, self.size), how)
        short = min(image.size)
        wide, high = (self.resize if side == short else int(self.resize * side / short) for side in image.size)
        left, top = round((wide - self.size) / 2), round((high - self.size) / 2)
        return image.resize((wide, high), how).crop((left, top, left + self.size, top + self.size))

    def at(self, size: int) -> "Framing":
        """Return the same for another size: as much of an image is kept.

        >>> Framing(224, 256).at(112)
        Framing(size=112, resize=128, interpolation='bilinear')
        """
        return self._replace(size=size, resize=self.resize and round(self.resize * size / self.size))

    def options(self) -> dict:
        """Return what is not usual about it, as options of `datasets.load`."""
        return {} if self.resize is None else {"resize": self.resize, "interpolation": self.interpolation}


def read_image(path: str, size: int, resize: int | None = None, interpolation: str = "bilinear") -> np.ndarray:
    """Read an image of any size and mode as RGB, uint8 `[3, size, size]`: its shorter side scaled, its centre cropped.

    The shorter side is scaled to `resize` pixels, as published weights may expect it; None: to `size`.

    Raises ValueError, naming the file, if it cannot be read.
    """
    try:
        # a decoder's warnings (of a damaged EXIF block, of many pixels) tell a reader nothing that could be acted on
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=formats()) as image:
            fitted = Framing(size, resize, interpolation).of(as_rgb(image))
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever they like: OSError, SyntaxError, RuntimeError, struct.error
        raise ValueError(f"cannot read the image {path} ({error}); repair or remove it") from error
    return np.asarray(fitted).transpose(2, 0, 1)


def as_rgb(image: Image.Image) -> Image.Image:
    """Return an opened image as RGB of 8 bits: turned as its EXIF data say, scaled to 8 bits, laid on GROUND.

    Of several frames or pages it is the first. Colour profiles are not applied. Raises whatever its decoder raises.
    """
    image.load()
    with suppress(Exception):  # EXIF data that cannot be read turn nothing, in other programs neither
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    elif image.mode == "La":
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, GROUND), image).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale grey values of 16 bits, 32 bits, or floating point to 8 bits; whole numbers by their high bits.

    Where a file does not say how far its values go, they go to the least of 1 (floating point only), 255, 65535, and
    what 32 bits hold that this image does not exceed; with negative values, from its lowest to its highest.
    """
    values = np.asarray(image)
    clear = image.info.get("transparency")
    tags = getattr(image, "tag_v2", {})
    whole = values.dtype.kind in "iu"
    if whole and tags.get(BITS) == (32,) and tags.get(SAMPLES, (1,)) == (1,):
        values = values.view(np.uint32)  # Pillow knows only signed ones
    if not whole:
        finite = values[np.isfinite(values)].astype(np.float64)
        least, most = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=most, neginf=least)
    least, most = float(values.min()), float(values.max())
    grey: np.ndarray
    if least < 0:
        grey = (values - least) * (255 / (most - least))
    elif not whole:  # some values above 1 are overshoots of a filter
        grey = values * (255 / (1 if most < 2 else next((top for top in (255, 65535) if most <= top), most)))
    elif tags.get(BITS) == (12,):
        grey = values >> 4
    elif values.dtype.itemsize == 2 or image.format == "PPM":
        grey = values >> 8
    else:
        grey = values >> next(bits for bits in (0, 8, 23, 24) if int(most) >> bits <= 255)
    eight = Image.fromarray(np.rint(grey).clip(0, 255).astype(np.uint8))
    if isinstance(clear, int):
        eight.putalpha(Image.fromarray(np.where(np.asarray(image) == clear, 0, 255).astype(np.uint8)))
    return eight
