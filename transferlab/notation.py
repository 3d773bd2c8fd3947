"""The paper's notation as a value: `A3B+` is a treatment, and whatever names a network uses it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from transferlab.numbers import is_whole, plain

LAYERS = 8
DEPTHS = tuple(range(1, LAYERS))
CUTS = (*DEPTHS, LAYERS)  # of a donor with eight blocks and a head apart, which alone is fresh in A8B
TASKS = ("A", "B")
CONDITIONS = ("base", "BnB", "AnB", "BnB+", "AnB+", "random")  # of 2014: a sweep
TWO_STAGE = ("BnB++", "AnB++")  # later than 2014: the fresh top is trained first, alone (LP-FT)
FAMILIES = (*CONDITIONS, *TWO_STAGE)
Job = tuple[str, str, int]  # one network of a study: the name of its treatment, such as "A3B+", its split, its seed

_ALLOWED = (
    "allowed are baseA, baseB; source, n, target as in A3B, B3B, B3A (n = 1..7, frozen; 8 where a head stands apart), "
    "with a final + if fine-tuned (A3B+), ++ if fine-tuned after its fresh top was trained alone (A3B++); and R3B "
    "(random filters, always frozen)"
)


@dataclass(frozen=True)
class Treatment:
    """How one network of the study is made (Section 2 of the paper).

    `source` is where the first `n` layers come from: task "A" or "B", "R" for untrained random
    layers, or None for a base network, all of whose layers are trained from scratch (`n` is 0).
    `target` is the task it is trained and tested on. `fine_tuned` says whether the copied layers
    learn too. `two_stage` says whether they learn only in a second stage, which starts where the network with frozen
    layers ended: A3B++ starts as the trained A3B, where A3B+ starts with a fresh top. Kumar et al. (2022) call this
    LP-FT, since their first stage is a linear probe.

    >>> Treatment.parse("A3B+")
    Treatment('A3B+')
    >>> Treatment.parse("B5B").condition, str(Treatment.parse("B5B").parent)
    ('BnB', 'baseB')
    >>> [str(each) for each in Treatment.parse("A7B++").ancestors]
    ['A7B', 'baseA']
    """

    source: str | None
    n: int
    target: str
    fine_tuned: bool = False
    two_stage: bool = False

    def __post_init__(self):
        """Reject what is not a treatment of the study, by the same rules as `parse`."""
        for name in ("n", "fine_tuned", "two_stage"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if not self._is_valid():
            raise ValueError(
                f"no such network: source {self.source!r}, n {self.n!r}, target {self.target!r}, "
                f"fine-tuned {self.fine_tuned!r}, two-stage {self.two_stage!r}; {_ALLOWED}"
            )

    def _is_valid(self) -> bool:
        if self.target not in TASKS or not is_whole(self.n):
            return False
        if type(self.fine_tuned) is not bool or type(self.two_stage) is not bool or self.two_stage > self.fine_tuned:
            return False
        if self.source is None:
            return self.n == 0 and not self.fine_tuned
        return self.n in CUTS and (self.source in TASKS or (self.source == "R" and not self.fine_tuned))

    @classmethod
    def parse(cls, text: "str | Treatment") -> "Treatment":
        """Return the treatment that `text` names; a `Treatment` is returned as it is. Raises ValueError."""
        if isinstance(text, cls):
            return text
        match = re.fullmatch(r"base([AB])|([ABR])([1-8])([AB])(\+{0,2})", text) if isinstance(text, str) else None
        if not match or (match[2] == "R" and match[5]):
            raise ValueError(f"no such network: {text!r}; {_ALLOWED}")
        if match[1]:
            return cls(None, 0, match[1])
        return cls(match[2], int(match[3]), match[4], bool(match[5]), match[5] == "++")

    @classmethod
    def of(cls, condition: str, n: int, target: str = "B") -> "Treatment":
        """Return the network of a family (`condition`, one of FAMILIES) at depth `n` for task `target`.

        >>> Treatment.of("AnB+", 3), Treatment.of("AnB", 3, target="A"), Treatment.of("base", 0)
        (Treatment('A3B+'), Treatment('B3A'), Treatment('baseB'))
        """
        if condition not in FAMILIES:
            raise ValueError(f"no such condition: {condition!r}; allowed are {', '.join(FAMILIES)}")
        if target not in TASKS:
            raise ValueError(f"no such task: {target!r}; allowed are A and B")
        other = "A" if target == "B" else "B"
        source = {"base": None, "A": other, "B": target, "r": "R"}[condition if condition == "base" else condition[0]]
        n = 0 if condition == "base" else n
        return cls(source, n, target, condition.endswith("+"), condition.endswith("++"))

    @property
    def condition(self) -> str:
        """Its family, one of FAMILIES. B3A is a transfer (AnB), just as A3B is."""
        if self.source is None:
            return "base"
        if self.source == "R":
            return "random"
        return ("BnB" if self.source == self.target else "AnB") + self._plus

    @property
    def parent(self) -> "Treatment | None":
        """The network whose layers are copied, or None if nothing is copied.

        It is a base network, or, in a second stage, the network of the first: A3B for A3B++.
        """
        if self.two_stage:
            return Treatment(self.source, self.n, self.target)
        return Treatment(None, 0, self.source) if self.source in TASKS else None

    @property
    def ancestors(self) -> "list[Treatment]":
        """The networks that must be trained before this one, the nearest first."""
        return [self.parent, *self.parent.ancestors] if self.parent else []

    def transplanted(self, layers: int = LAYERS) -> int:
        """How many of a network's `layers`, counted from the input, are the parent's, or random.

        They are n, and in a second stage all.
        """
        return layers if self.two_stage else self.n

    def into(self, target: str) -> "Treatment":
        """Return the network of the same condition and n that is trained on the task `target`.

        >>> Treatment.parse("A3B+").into("A"), Treatment.parse("B3B").into("B")
        (Treatment('B3A+'), Treatment('B3B'))
        """
        return Treatment.of(self.condition, self.n, target)

    @property
    def frozen(self) -> int:
        """How many layers, counted from the input, stay fixed while the rest is trained."""
        return 0 if self.fine_tuned else self.n

    def __str__(self) -> str:
        """The name that `parse` reads."""
        if self.source is None:
            return f"base{self.target}"
        return f"{self.source}{self.n}{self.target}{self._plus}"

    @property
    def _plus(self) -> str:
        return "+" * (self.fine_tuned + self.two_stage)

    def __repr__(self) -> str:
        """`Treatment('A3B+')`."""
        return f"Treatment({str(self)!r})"


def parent_job(job: Job) -> Job | None:
    """Return the job of the network whose layers a job copies, or None if it copies nothing.

    >>> parent_job(("A3B+", "random", 0))
    ('baseA', 'random', 0)
    """
    name, split, seed = job
    parent = Treatment.parse(name).parent
    return (str(parent), split, seed) if parent else None


def lineage(job: Job) -> list[Job]:
    """Return a job and the jobs of all networks that must be trained before it, the nearest first.

    >>> lineage(("A3B++", "random", 0))
    [('A3B++', 'random', 0), ('A3B', 'random', 0), ('baseA', 'random', 0)]
    """
    name, split, seed = job
    return [job, *((str(each), split, seed) for each in Treatment.parse(name).ancestors)]


def with_parents(jobs: Iterable[Job]) -> list[Job]:
    """Return jobs and all that must be trained before them, each once, parents before their children.

    >>> with_parents([("A3B", "random", 0), ("baseB", "random", 0)])
    [('baseA', 'random', 0), ('baseB', 'random', 0), ('A3B', 'random', 0)]
    """
    needed = dict.fromkeys(each for job in jobs for each in lineage(job))
    return sorted(needed, key=lambda job: len(lineage(job)))
