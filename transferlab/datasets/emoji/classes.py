"""Which things are the thousand classes, and which of them are natural: every choice, made by `choose`.

`classes.csv` beside this file is what it returns for the nine archives.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .archives import Icons

TABLE = Path(__file__).with_name("classes.csv")
CLASSES = 1000  # as many as ImageNet has: the paper's own halves can be used
SETS = 6  # a thing is drawn in as many sets at least
CATEGORIES = "noto"  # the set whose categories are the families
NEEDED = ("twemoji", "openmoji")  # the sets that are tested on

# what is left out: names, and why
LEFT_OUT = (
    (r".*skin-tone.*", "a colour of the skin"),
    (r".*-(oclock|thirty)", "24 clock faces, told apart by hands of a few pixels"),
    (r"(new|waxing-.*|waning-.*|first-quarter|last-quarter)-moon", "phases of the moon; the full and the crescent stay"),
    (r"keycap-.*|input-.*|japanese-.*-button|.*-button-blood-type", "writing on a plate"),
    (r"(cl|cool|free|id|new|ng|ok|p|sos|vs)-button", "writing on a plate"),
    (r"(black|white)-(medium|medium-small|small)-square|small-.*-diamond", "differs in size only; so do draws"),
    (r"(family|kiss|couple-with-heart)-.*", "differs in the number and the hair of small people"),
)  # fmt: skip
LEFT_OUT_FAMILIES = ("Flags",)
PEOPLE = re.compile(r"(person|man|woman)-")  # of things that differ in this alone, the one in most sets stays

NATURAL, MAN_MADE = "natural", "man-made"
# the kingdom of a family; that of the others is None
KINGDOMS = {
    "Animals & Nature": NATURAL,
    "People & Body": NATURAL,  # as 2014's natural half has its ballplayer, groom and scuba diver
    "Food & Drink": MAN_MADE,
    "Activities": MAN_MADE,
    "Objects": MAN_MADE,
    "Travel & Places": MAN_MADE,
}
# ... but not of these
EXCEPTIONS = {
    NATURAL: (
        # fruit, vegetables and nuts as they grow, and an egg
        "avocado banana carrot cherries chestnut cucumber ear-of-corn egg eggplant grapes green-apple hot-pepper "
        "kiwi-fruit lemon melon peach peanuts pear pineapple potato red-apple strawberry tangerine tomato watermelon "
        # sky, weather and landscape, as 2014's natural half has its alp, geyser, seashore and volcano
        "cloud cloud-with-lightning cloud-with-lightning-and-rain cloud-with-rain cloud-with-snow comet crescent-moon "
        "desert desert-island droplet fire full-moon globe-showing-americas globe-showing-asia-australia "
        "globe-showing-europe-africa milky-way mount-fuji mountain national-park rainbow shooting-star "
        "snow-capped-mountain snowflake sun sun-behind-cloud sun-behind-large-cloud sun-behind-rain-cloud "
        "sun-behind-small-cloud sunrise sunrise-over-mountains tornado volcano water-wave"
    ).split(),
    MAN_MADE: ["nail-polish"],
    None: (
        # beings of tales, and signs rather than things
        "dragon dragon-face unicorn rosette club-suit diamond-suit heart-suit spade-suit sparkles high-voltage cyclone "
        "star glowing-star musical-note musical-notes hot-springs sun-with-face wind-face first-quarter-moon-face "
        "full-moon-face last-quarter-moon-face new-moon-face "
        # both: things made of plants, stones and people with something made
        "christmas-tree pine-decoration tanabata-tree jack-o-lantern moon-viewing-ceremony gem-stone foggy selfie "
        "snowman snowman-without-snow"
    ).split(),
}  # fmt: skip
_OWN_KINGDOM = {name: kingdom for kingdom, names in EXCEPTIONS.items() for name in names}


@dataclass(frozen=True)
class Thing:
    """A class: its name, its family (a category), its kingdom, and the sets that have a design of it."""

    name: str
    family: str
    kingdom: str | None
    sets: tuple[str, ...]


def choose(sets: Mapping[str, Icons], number: int = CLASSES, at_least: int = SETS) -> tuple[Thing, ...]:
    """Choose the classes: the `number` things that most sets have (of equals, the first by name), in order of name.

    A thing has a design in `at_least` sets, those of `NEEDED` among them, and a category. What cannot be told apart in
    32 pixels is left out (`LEFT_OUT`), and of things that differ in the sex of a person one stays.
    """
    things = []
    for name, family in sets[CATEGORIES].categories.items():
        having = tuple(each for each, icons in sets.items() if icons.find(name))
        wanted = len(having) >= at_least and {*NEEDED} <= {*having} and family not in LEFT_OUT_FAMILIES
        if wanted and not any(re.fullmatch(pattern, name) for pattern, _ in LEFT_OUT):
            things.append(Thing(name, family, _OWN_KINGDOM.get(name, KINGDOMS.get(family)), having))
    things.sort(key=lambda thing: (-len(thing.sets), thing.name))
    kept: dict[str, Thing] = {}
    for thing in things:
        kept.setdefault(PEOPLE.sub("", thing.name, count=1) if PEOPLE.match(thing.name) else thing.name, thing)
    return tuple(sorted(list(kept.values())[:number], key=lambda thing: thing.name))


def written(things: tuple[Thing, ...]) -> str:
    """Return classes as a table, as `classes.csv` is written."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["class", "family", "kingdom", "sets"])
    rows.writerows([thing.name, thing.family, thing.kingdom or "", " ".join(thing.sets)] for thing in things)
    return file.getvalue()
