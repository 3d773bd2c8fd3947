"""Which things are the thousand classes, and which of them are natural: every choice, made by `choose`.

`classes.csv`, beside this file, is what it returns for the nine archives.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .archives import Icons

TABLE = Path(__file__).with_name("classes.csv")
CLASSES = 1000  # as many as ImageNet has, so that the paper's own halves can be used
SETS = 6  # a thing is drawn in as many sets at least
NEEDED = ("twemoji", "openmoji")  # these among them: the sets that are tested on
CATEGORIES = "noto"  # the set whose categories are the families

LEFT_OUT_FAMILIES = ("Flags",)
# what else is left out: names, and why
LEFT_OUT = (
    (r".*skin-tone.*", "a colour of skin"),
    (r".*-(oclock|thirty)", "clocks, told apart by hands of a few pixels"),
    (r"(new|waxing-.*|waning-.*|first-quarter|last-quarter)-moon", "phases of the moon, but for full and crescent"),
    (r"keycap-.*|input-.*|japanese-.*-button|.*-button-blood-type", "writing on a plate"),
    (r"(cl|cool|free|id|new|ng|ok|p|sos|vs)-button", "writing on a plate"),
    (r"(black|white)-(medium|medium-small|small)-square|small-.*-diamond", "another one in another size"),
    (r"(family|kiss|couple-with-heart)-.*", "told apart by the number and hair of small people"),
)
PEOPLE = re.compile(r"(person|man|woman)-")  # of things that differ in this alone, the one in most sets stays

NATURAL, MAN_MADE = "natural", "man-made"
# the kingdom of a family; other families have none
KINGDOMS = {
    "Animals & Nature": NATURAL,
    "People & Body": NATURAL,  # as ImageNet's ballplayer, groom and scuba diver were in 2014
    "Food & Drink": MAN_MADE,  # prepared food
    "Activities": MAN_MADE,
    "Objects": MAN_MADE,
    "Travel & Places": MAN_MADE,  # vehicles and buildings
}
FRUIT = """
    avocado banana carrot cherries chestnut cucumber ear-of-corn egg eggplant grapes green-apple hot-pepper kiwi-fruit
    lemon melon peach peanuts pear pineapple potato red-apple strawberry tangerine tomato watermelon
"""  # as it grows
LANDSCAPE = """
    cloud cloud-with-lightning cloud-with-lightning-and-rain cloud-with-rain cloud-with-snow comet crescent-moon desert
    desert-island droplet fire fog full-moon globe-showing-americas globe-showing-asia-australia
    globe-showing-europe-africa milky-way mount-fuji mountain national-park rainbow shooting-star snow-capped-mountain
    snowflake sun sun-behind-cloud sun-behind-large-cloud sun-behind-rain-cloud sun-behind-small-cloud sunrise
    sunrise-over-mountains tornado volcano water-wave
"""  # and sky: ImageNet's alp, geyser, seashore and volcano were natural
SIGNS = """
    club-suit cyclone diamond-suit glowing-star globe-with-meridians heart-suit high-voltage hot-springs musical-note
    musical-notes rosette spade-suit sparkles star
"""
TALES = """
    baby-angel dragon dragon-face first-quarter-moon-face full-moon-face last-quarter-moon-face new-moon-face
    sun-with-face unicorn wind-face
"""
BOTH = """
    christmas-tree foggy gem-stone horse-racing jack-o-lantern moon-viewing-ceremony person-biking person-in-bed
    person-mountain-biking person-rowing-boat person-taking-bath pine-decoration selfie snowman snowman-without-snow
    tanabata-tree
"""  # something natural with something made
# the kingdom of a class, where it is not that of its family
OWN_KINGDOMS: dict[str, str | None] = {
    **dict.fromkeys((FRUIT + LANDSCAPE).split(), NATURAL),
    **dict.fromkeys((SIGNS + TALES + BOTH).split(), None),
    "nail-polish": MAN_MADE,
}


@dataclass(frozen=True)
class Thing:
    """A class: its name, its family (a category), its kingdom, and the sets that have a design of it."""

    name: str
    family: str
    kingdom: str | None
    sets: tuple[str, ...]


def choose(sets: Mapping[str, Icons], number: int = CLASSES) -> tuple[Thing, ...]:
    """Choose the classes, in order of name: the `number` things that most sets have, of equals the first by name.

    A thing has a category and a design in SETS sets, those of NEEDED among them. What could not be told apart in 32
    pixels is left out (LEFT_OUT), and of things that differ in the sex of a person one stays (PEOPLE).
    """
    things = []
    for name, family in sets[CATEGORIES].categories.items():
        having = tuple(each for each, icons in sets.items() if icons.find(name))
        wanted = len(having) >= SETS and {*NEEDED} <= {*having} and family not in LEFT_OUT_FAMILIES
        if wanted and not any(re.fullmatch(pattern, name) for pattern, _ in LEFT_OUT):
            things.append(Thing(name, family, OWN_KINGDOMS.get(name, KINGDOMS.get(family)), having))
    things.sort(key=lambda thing: (-len(thing.sets), thing.name))
    kept: dict[str, Thing] = {}
    for thing in things:
        kept.setdefault(PEOPLE.sub("", thing.name) if PEOPLE.match(thing.name) else thing.name, thing)
    return tuple(sorted([*kept.values()][:number], key=lambda thing: thing.name))


def written(things: tuple[Thing, ...]) -> str:
    """Return classes as the text of a table, such as `classes.csv`."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["class", "family", "kingdom", "sets"])
    rows.writerows([thing.name, thing.family, thing.kingdom or "", " ".join(thing.sets)] for thing in things)
    return file.getvalue()


def parsed(table: str) -> tuple[Thing, ...]:
    """Return the classes of such a text."""
    rows = csv.DictReader(table.splitlines())
    return tuple(Thing(row["class"], row["family"], row["kingdom"] or None, tuple(row["sets"].split())) for row in rows)
