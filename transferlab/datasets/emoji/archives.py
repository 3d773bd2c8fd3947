"""The nine sets of designs: where they come from, who drew them, and what is in their archives.

They are npm packages in Iconify's form: `icons.json` has the body of an SVG document for each name, and other names as
aliases; `metadata.json` sorts names into categories.
"""

import json
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from transferlab.system.npm import Pinned

# a set's own name of a thing, where it has another one than all others; None: its design of that name is another thing
A_GAME = {"cricket": None}  # with a bat: no insect
OF_EMOJIONE_V1 = {"keyboard": None, "window": None}  # of a piano, and on a screen
OF_FXEMOJI = {
    "cat": "catside", "cat-face": "cat", "dog": "dogside", "dog-face": "dog", "dragon": "dragonside",
    "dragon-face": "dragonhead", "keyboard": "wiredkeyboard", "kiss": "couplekiss", "leopard": "leopardside",
    "mouse": "mouseside", "mouse-face": "mouse", "pig": "pigside", "pig-face": "pig", "rabbit": "bunnyside",
    "rabbit-face": "bunny", "sunglasses": "darksunglasses", "tiger": "tigerside", "tiger-face": "tiger",
    "tram-car": None, "window": None,  # without its colours, and on a screen
}  # fmt: skip
OF_OPENMOJI = {"scroll": None}  # of a mouse


@dataclass(frozen=True)
class IconSet:
    """A set of designs. Sets of one `lineage` are relatives: a house drew them one after the other."""

    name: str
    lineage: str
    part: str  # "train" or "test"
    title: str
    authors: str
    licence: str
    repository: str  # on GitHub
    package: Pinned
    own_names: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where its designs come from."""
        return f"https://github.com/{self.repository}"

    def read(self, folder: Path) -> "Icons":
        """Return what is in its archive in `folder`."""
        return Icons(folder / self.package.archive, self.own_names)


def _iconify(name: str, version: str, sha512: str) -> Pinned:
    return Pinned(f"@iconify-json/{name}", version, sha512)


SETS = (
    IconSet(
        "noto", "noto", "train", "Noto Emoji", "Google", "Apache-2.0", "googlefonts/noto-emoji",
        _iconify("noto", "1.2.9", "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4"
                 "fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw=="),
    ),
    IconSet(
        "noto-v1", "noto", "train", "Noto Emoji (v1)", "Google", "Apache-2.0", "googlefonts/noto-emoji",
        _iconify("noto-v1", "1.2.5", "/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsY"
                 "GMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA=="), A_GAME,
    ),
    IconSet(
        "fluent-emoji", "fluent", "train", "Fluent Emoji", "Microsoft", "MIT", "microsoft/fluentui-emoji",
        _iconify("fluent-emoji", "1.2.7", "D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8"
                 "W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA=="),
    ),
    IconSet(
        "fluent-emoji-flat", "fluent", "train", "Fluent Emoji Flat", "Microsoft", "MIT", "microsoft/fluentui-emoji",
        _iconify("fluent-emoji-flat", "1.2.6", "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUl"
                 "PlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw=="),
    ),
    IconSet(
        "emojione", "emojione", "train", "Emoji One (Colored)", "Emoji One", "CC-BY-4.0", "EmojiTwo/emojitwo",
        _iconify("emojione", "1.2.3", "T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfe"
                 "Ui4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg=="), A_GAME,
    ),
    IconSet(
        "emojione-v1", "emojione", "train", "Emoji One (v1)", "Emoji One", "CC-BY-SA-4.0", "joypixels/emojione-legacy",
        _iconify("emojione-v1", "1.2.3", "UjI2VQEXVtGlPBvQuxEizro7QCgBcJDOYwKUupquvvZ8"
                 "UV4xOlvm45IU82JYWegiAWLerY79gFLMZ26U6Ms+ww=="), OF_EMOJIONE_V1,
    ),
    IconSet(
        "fxemoji", "fxemoji", "train", "Firefox OS Emoji", "Mozilla", "Apache-2.0", "mozilla/fxemoji",
        _iconify("fxemoji", "1.2.2", "UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZN"
                 "QqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ=="), OF_FXEMOJI,
    ),
    IconSet(
        "twemoji", "twemoji", "test", "Twitter Emoji", "Twitter", "CC-BY-4.0", "jdecked/twemoji",
        _iconify("twemoji", "1.2.5", "uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZ"
                 "B5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw=="),
    ),
    IconSet(
        "openmoji", "openmoji", "test", "OpenMoji", "OpenMoji", "CC-BY-SA-4.0", "hfg-gmuend/openmoji",
        _iconify("openmoji", "1.2.29", "vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/Wqfk"
                 "QIRxevL5Geb/g+6GH/Qwnq1OqksEmaDGTCmZ5nFKJQ=="), OF_OPENMOJI,
    ),
)  # fmt: skip


def attribution(names: Collection[str] | None = None) -> str:
    """Return what must stand beneath a figure that shows images of some sets (None: of all), as their licences ask.

    >>> attribution(["noto", "noto-v1"]).partition(";")[0]
    'Designs: Noto Emoji, Noto Emoji (v1) by Google (Apache-2.0)'
    """
    some = [one for one in SETS if names is None or one.name in names]
    houses: dict[tuple[str, str], list[str]] = {}
    for one in some:
        houses.setdefault((one.authors, one.licence), []).append(one.title)
    credits = [f"{', '.join(titles)} by {authors} ({licence})" for (authors, licence), titles in houses.items()]
    shared = any("-SA-" in one.licence for one in some)
    return (
        f"Designs: {'; '.join(credits)}; drawn as pixels, turned, scaled and laid on other grounds."
        f"{' This figure is shared under CC BY-SA 4.0.' * shared}"
    )


class Icons:
    """What is in an archive in Iconify's form: `categories`, the category of each name, and a design for each name.

    Args:
        path: the archive.
        own_names: the set's own names of things, where they are others; see `IconSet`.

    Raises:
        ValueError: for a file that is no such archive.
    """

    def __init__(self, path: Path, own_names: Mapping[str, str | None]):
        try:
            with tarfile.open(path) as tar:
                icons, metadata = (json.load(_member(tar, name)) for name in ("icons", "metadata"))
            self._icons, self._aliases = icons["icons"], icons.get("aliases", {})
            self._size = icons.get("width", 16), icons.get("height", 16)  # as Iconify has it
            groups = metadata.get("categories", {})
            self.categories = {name: group for group, names in groups.items() for name in names}
        except (OSError, EOFError, KeyError, AttributeError, ValueError, tarfile.TarError) as error:
            raise ValueError(f"{path} has no icons in Iconify's form ({error})") from error
        self._own_names = own_names
        self._in_one_word = {name.replace("-", ""): name for name in (*self._aliases, *self._icons)}

    def find(self, name: str) -> str | None:
        """Return the set's own name of a thing; None if it has no design of it.

        Hyphens do not matter: `fxemoji` writes `loveletter`. A design that is turned or mirrored is none.
        """
        own = self._own_names.get(name, name)
        if own and own not in self._icons and own not in self._aliases:
            own = self._in_one_word.get(own.replace("-", ""))
        return None if own is None or {*self._aliases.get(own, ())} > {"parent"} else own

    def svg(self, name: str) -> str:
        """Return the design of the set's own name as an SVG document; one that is not square lies in the middle."""
        while name in self._aliases:
            name = self._aliases[name]["parent"]
        icon = self._icons[name]
        width, height = icon.get("width", self._size[0]), icon.get("height", self._size[1])
        side = max(width, height)
        left, top = icon.get("left", 0) - (side - width) / 2, icon.get("top", 0) - (side - height) / 2
        box = f"{left} {top} {side} {side}"
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'


def _member(tar: tarfile.TarFile, name: str):
    file = tar.extractfile(f"package/{name}.json")
    if file is None:
        raise KeyError(f"package/{name}.json")
    return file
