"""The nine sets of designs: where they come from, who drew them, and what is in their archives.

They are npm packages in Iconify's form: `icons.json` has an SVG body for each name, and other names as aliases;
`metadata.json` sorts names into categories.
"""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from transferlab.system.npm import Pinned


@dataclass(frozen=True)
class IconSet:
    """A set of designs. Sets of one `lineage` are relatives, drawn one after another by the same house."""

    name: str
    lineage: str
    part: str  # "train" or "test"
    licence: str
    authors: str
    package: Pinned

    @property
    def source(self) -> str:
        """The address of its page on npm."""
        return f"https://www.npmjs.com/package/{self.package.name}/v/{self.package.version}"


def _iconify(name: str, version: str, sha512: str) -> Pinned:
    return Pinned(f"@iconify-json/{name}", version, sha512)


SETS = (
    IconSet("noto", "noto", "train", "Apache-2.0", "Google", _iconify(
        "noto", "1.2.9", "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==")),
    IconSet("noto-v1", "noto", "train", "Apache-2.0", "Google", _iconify(
        "noto-v1", "1.2.5", "/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==")),
    IconSet("fluent-emoji", "fluent", "train", "MIT", "Microsoft", _iconify(
        "fluent-emoji", "1.2.7",
        "D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==")),
    IconSet("fluent-emoji-flat", "fluent", "train", "MIT", "Microsoft", _iconify(
        "fluent-emoji-flat", "1.2.6",
        "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==")),
    IconSet("emojione", "emojione", "train", "CC-BY-4.0", "Emoji One", _iconify(
        "emojione", "1.2.3", "T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfeUi4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg==")),
    IconSet("emojione-v1", "emojione", "train", "CC-BY-SA-4.0", "Emoji One", _iconify(
        "emojione-v1", "1.2.3",
        "UjI2VQEXVtGlPBvQuxEizro7QCgBcJDOYwKUupquvvZ8UV4xOlvm45IU82JYWegiAWLerY79gFLMZ26U6Ms+ww==")),
    IconSet("fxemoji", "fxemoji", "train", "Apache-2.0", "Mozilla", _iconify(
        "fxemoji", "1.2.2", "UAasRaxzFUKfIGSmLwnoarsssA4LX0VLLuEmplIqM6ZNQqIQRtav8tZ4H1neTlBreXuMQyAifr5jP4kn78DpiQ==")),
    IconSet("twemoji", "twemoji", "test", "CC-BY-4.0", "Twitter", _iconify(
        "twemoji", "1.2.5", "uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==")),
    IconSet("openmoji", "openmoji", "test", "CC-BY-SA-4.0", "OpenMoji", _iconify(
        "openmoji", "1.2.29", "vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/WqfkQIRxevL5Geb/g+6GH/Qwnq1OqksEmaDGTCmZ5nFKJQ==")),
)  # fmt: skip


class Icons:
    """What is in the archive of a set: `categories` by name, and an SVG document for each name."""

    def __init__(self, path: Path):
        try:
            with tarfile.open(path) as tar:
                icons, metadata = (
                    json.load(file)
                    for name in ("icons", "metadata")
                    if (file := tar.extractfile(f"package/{name}.json"))
                )
        except (OSError, EOFError, KeyError, ValueError, tarfile.TarError) as error:
            raise ValueError(f"{path} has no icons in Iconify's form ({error})") from error
        self._size = icons.get("width", 16), icons.get("height", 16)  # Iconify's own default is 16
        self._icons, self._aliases = icons["icons"], icons.get("aliases", {})
        self.categories = {name: group for group, names in metadata.get("categories", {}).items() for name in names}
        # other names for the same design; those that mirror or turn it are left out
        aliases = (name for name, alias in self._aliases.items() if set(alias) == {"parent"})
        self._spelled = {name.replace("-", ""): name for name in (*aliases, *self._icons)}

    def find(self, name: str) -> str | None:
        """Return the set's own spelling of a name, which may have hyphens elsewhere; None if there is no such design.

        The oldest set writes names in one word: its `loveletter` is the `love-letter` of the others.
        """
        if name in self._icons or set(self._aliases.get(name, {})) == {"parent"}:
            return name
        return self._spelled.get(name.replace("-", ""))

    def svg(self, name: str) -> str:
        """Return a design, by the set's own spelling of its name, as an SVG document."""
        while name not in self._icons:
            name = self._aliases[name]["parent"]
        icon = self._icons[name]
        width, height = icon.get("width", self._size[0]), icon.get("height", self._size[1])
        side = max(width, height)  # a few are not square: they lie in the middle
        box = f"{icon.get('left', 0) - (side - width) / 2} {icon.get('top', 0) - (side - height) / 2} {side} {side}"
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{icon["body"]}</svg>'
