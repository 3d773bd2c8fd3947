"""The paper's notation as a value: `A3B+` is a treatment, and whatever names a network uses it."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from transferlab.numbers import is_whole, plain

LAYERS = 8
DEPTHS = tuple(range(1, LAYERS))
CUTS = (*DEPTHS, LAYERS)  # of a donor with eight blocks and a head apart, which alone is fresh in A8B
TASKS = ("A", "B")
CONDITIONS = ("base", "BnB", "AnB", "BnB+", "AnB+", "random")  # of 2014: a sweep
TWO_STAGE = ("BnB++", "AnB++")  # later than 2014: the fresh top is trained first, alone (LP-FT)
FAMILIES = (*CONDITIONS, *TWO_STAGE)
STITCHES = ("An_B", "Bn_B", "Bn_B.2", "Rn_B")  # frozen below and above, and one linear map learns between them
STARTS = ("BnB.2", "BnB.3", "BnB.4", "BnB=")  # of the selffer's top: other seeds, and the base's own top
# conditions that test what a cut does
AT_THE_CUT = (*STITCHES, *STARTS, "base.2", "AnB+.2", "MnB+")
OTHER = {"A": "B", "B": "A"}  # task, by task
Job = tuple[str, str, int]  # one network of a study: the name of its treatment, such as "A3B+", its split, its seed

_ALLOWED = (
    "allowed are baseA, baseB; source, n, target as in A3B, B3B, B3A (n = 1..7, frozen; 8 where a head stands apart), "
    "with a final + if fine-tuned (A3B+), ++ if fine-tuned after its fresh top was trained alone (A3B++); R3B "
    "(random filters, always frozen); A3_B (a linear map between A's layers and B's, R3_B likewise); B3B= (starts from "
    "B's own top); M3B+ (only the means and variances of A's layers); and .2 to .9 for another start (A3B+.2)"
)
_NAME = re.compile(r"(?:base([AB])|([ABRM])([1-8])(_?)([AB])(\+{0,2}|=))(?:\.([2-9]))?", re.ASCII)
_FLAGS = ("fine_tuned", "two_stage", "stitched", "own_top")


@dataclass(frozen=True)
class Treatment:
    """How one network of the study is made (Section 2 of the paper).

    `source` is where the first `n` layers come from: task "A" or "B", "R" for untrained random
    layers, or None for a base network, all of whose layers are trained from scratch (`n` is 0).
    `target` is the task it is trained and tested on. `fine_tuned` says whether the copied layers
    learn too. `two_stage` says whether they learn only in a second stage, which starts where the network with frozen
    layers ended: A3B++ starts as the trained A3B, where A3B+ starts with a fresh top. Kumar et al. (2022) call this
    LP-FT, since their first stage is a linear probe.

    Later questions have names of the same kind. `stitched`, A3_B: below are A's first three layers, above those of
    baseB, all frozen, and one linear map between them is trained (Lenc and Vedaldi 2015). `own_top`, B3B=: the selffer,
    whose top starts as baseB's own. Source "M", M3B+: nothing is copied, but the first layers of a network that is
    trained from scratch start with the means and variances of the other task's base (Raghu et al. 2019). `start`, 1..9:
    A3B+.2 is the same with other random numbers, its base excepted; A3_B.2 has the layers of baseA.2.

    >>> Treatment.parse("A3B+")
    Treatment('A3B+')
    >>> Treatment.parse("B5B").condition, str(Treatment.parse("B5B").parent)
    ('BnB', 'baseB')
    >>> [str(each) for each in Treatment.parse("A7B++").ancestors]
    ['A7B', 'baseA']
    >>> [str(each) for each in Treatment.parse("B4_B.2").parents]
    ['baseB.2', 'baseB']
    """

    source: str | None
    n: int
    target: str
    fine_tuned: bool = False
    two_stage: bool = False
    stitched: bool = False
    own_top: bool = False
    start: int = 1

    def __post_init__(self):
        """Reject what is not a treatment of the study, by the same rules as `parse`."""
        for name in ("n", "start", *_FLAGS):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if not self._is_valid():
            raise ValueError(
                f"no such network: source {self.source!r}, n {self.n!r}, target {self.target!r}, "
                f"fine-tuned {self.fine_tuned!r}, two-stage {self.two_stage!r}, stitched {self.stitched!r}, "
                f"own top {self.own_top!r}, start {self.start!r}; {_ALLOWED}"
            )

    def _is_valid(self) -> bool:
        if self.target not in TASKS or not is_whole(self.n) or not is_whole(self.start, 1, 10):
            return False
        flags = [getattr(self, name) for name in _FLAGS]
        if any(type(flag) is not bool for flag in flags) or self.two_stage > self.fine_tuned:
            return False
        if self.fine_tuned + self.stitched + self.own_top > 1 or (self.own_top and self.source != self.target):
            return False
        if self.source is None:
            return self.n == 0 and not any(flags)
        alone = {"R": not self.fine_tuned, "M": self.fine_tuned and not self.two_stage}
        return self.n in CUTS and (self.source in TASKS or alone.get(self.source, False))

    @classmethod
    def parse(cls, text: "str | Treatment") -> "Treatment":
        """Return the treatment that `text` names; a `Treatment` is returned as it is. Raises ValueError."""
        if isinstance(text, cls):
            return text
        match = _NAME.fullmatch(text) if isinstance(text, str) else None
        if match:
            base, source, n, stitched, target, end, start = match.groups()
            flags = (end in ("+", "++"), end == "++", stitched == "_", end == "=")  # in the order of _FLAGS
            with suppress(ValueError):
                return cls(source, int(n or 0), base or target, *flags, start=int(start or 1))
        raise ValueError(f"no such network: {text!r}; {_ALLOWED}")

    @classmethod
    def of(cls, condition: str, n: int, target: str = "B") -> "Treatment":
        """Return the network of a family (`condition`, one of FAMILIES or AT_THE_CUT) at depth `n` for task `target`.

        >>> Treatment.of("AnB+", 3), Treatment.of("AnB", 3, target="A"), Treatment.of("base", 0)
        (Treatment('A3B+'), Treatment('B3A'), Treatment('baseB'))
        >>> Treatment.of("Bn_B.2", 3, target="A")
        Treatment('A3_A.2')
        """
        family, dot, start = str(condition).partition(".")
        if family not in {each.partition(".")[0] for each in (*FAMILIES, *AT_THE_CUT)}:
            raise ValueError(f"no such condition: {condition!r}; allowed are {', '.join((*FAMILIES, *AT_THE_CUT))}")
        if target not in TASKS:
            raise ValueError(f"no such task: {target!r}; allowed are A and B")
        into_b = cls.parse({"base": "baseB", "random": "R1B"}.get(family, family).replace("n", "1") + dot + start)
        source = into_b.source
        if target == "A" and source in TASKS:
            source = OTHER[source]
        return replace(into_b, source=source, n=0 if family == "base" else n, target=target)

    @property
    def condition(self) -> str:
        """Its family, one of FAMILIES or AT_THE_CUT. B3A is a transfer (AnB), just as A3B is."""
        if self.source in TASKS:
            family = f"{'B' if self.source == self.target else 'A'}n{'_' * self.stitched}B{self._end}"
        else:
            family = {None: "base", "R": "Rn_B" if self.stitched else "random", "M": "MnB+"}[self.source]
        return family + self._later

    @property
    def parent(self) -> "Treatment | None":
        """The network whose layers are copied, or None if nothing is copied.

        It is a base network, or, in a second stage, the network of the first: A3B for A3B++. Of M3B+ it is the network
        whose means and variances are taken.
        """
        if self.two_stage:
            return Treatment(self.source, self.n, self.target, start=self.start)
        if self.source == "M":
            return Treatment(None, 0, OTHER[self.target])
        start = self.start if self.stitched else 1  # otherwise the base stays, and all else is another
        return Treatment(None, 0, self.source, start=start) if self.source in TASKS else None

    @property
    def top(self) -> "Treatment | None":
        """The network whose upper layers a stitched one has, baseB for A3_B, or None."""
        return Treatment(None, 0, self.target) if self.stitched else None

    @property
    def parents(self) -> "tuple[Treatment, ...]":
        """The networks that it takes something from, `parent` and `top`, each once."""
        return tuple(dict.fromkeys(each for each in (self.parent, self.top) if each))

    @property
    def ancestors(self) -> "list[Treatment]":
        """The networks that must be trained before this one, the nearest first."""
        return [*self.parents, *(each for parent in self.parents for each in parent.ancestors)]

    def transplanted(self, layers: int = LAYERS) -> int:
        """How many of a network's `layers`, counted from the input, are the parent's, or random.

        They are n; in a second stage and with its own top all; and none where only means and variances are taken.
        """
        if self.source == "M":
            return 0
        return layers if self.two_stage or self.own_top else self.n

    @property
    def fresh_top(self) -> bool:
        """Whether it was given, in its first stage, fresh layers above those of another network."""
        return self.n > 0 and not (self.stitched or self.own_top)

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

    @property
    def learned(self) -> slice:
        """Which layers are trained, those above the frozen ones, and of a stitched network only the map.

        >>> list(range(8))[Treatment.parse("A3B").learned], list(range(9))[Treatment.parse("A3_B").learned]
        ([3, 4, 5, 6, 7], [3])
        """
        return slice(self.frozen, self.n + 1 if self.stitched else None)

    def __str__(self) -> str:
        """The name that `parse` reads."""
        if self.source is None:
            return f"base{self.target}{self._later}"
        return f"{self.source}{self.n}{'_' * self.stitched}{self.target}{self._end}{self._later}"

    @property
    def _end(self) -> str:
        return "=" if self.own_top else "+" * (self.fine_tuned + self.two_stage)

    @property
    def _later(self) -> str:
        return f".{self.start}" if self.start > 1 else ""

    def __repr__(self) -> str:
        """`Treatment('A3B+')`."""
        return f"Treatment({str(self)!r})"


def parent_jobs(job: Job) -> list[Job]:
    """Return the jobs of the networks from which a job takes something: none, one, or two.

    >>> parent_jobs(("A3B+", "random", 0))
    [('baseA', 'random', 0)]
    """
    name, split, seed = job
    return [(str(each), split, seed) for each in Treatment.parse(name).parents]


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
