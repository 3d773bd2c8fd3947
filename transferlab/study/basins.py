"""Are two trained networks in one basin? Accuracy on the straight line between them, and with one layer rewound.

Neyshabur et al. (2020) find no barrier between two networks that were fine-tuned from one base, and one between two
that were trained from scratch. On a line between networks the statistics of batch normalisation are those of neither
end, so they are taken again from training images at every place, the ends included; the same after a layer is rewound.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from transferlab import training
from transferlab.lab import Lab
from transferlab.notation import DEPTHS, LAYERS, TASKS, Treatment, with_parents
from transferlab.study import PRECISION, RESULTS, ledger
from transferlab.study.claims import TASK
from transferlab.transplant import between, distance

N = DEPTHS[3]  # where the layers are cut: 4, in the middle of the dip
PAIRS = {  # the two ends of each line, into B
    "two transfers": (f"A{N}B+", f"A{N}B+.2"),
    "two bases": ("baseB", "baseB.2"),
    "transfer and base": (f"A{N}B+", "baseB"),
    "selffer and base": (f"B{N}B", "baseB"),
    "selffer with its own top and base": (f"B{N}B=", "baseB"),
}
REWOUND = (f"A{N}B+", "baseB")  # networks of which each layer is put back to its start
SHARES = tuple(place / 8 for place in range(9))  # of the second end
SPLIT = "random"
SEEDS = range(4)
COLUMNS = (*TASK, "kind", "first", "second", "place", "accuracy", "loss", "distance", "run", "other", "version")
ORDER = [*TASK, "kind", "first", "second", "place"]
VERSION = 1  # of what is computed: raise it when it changes


@dataclass(frozen=True)
class Part:
    """What is compared for one target task."""

    seed: int
    target: str

    def lines(self) -> list[tuple[str, str]]:
        """List the two ends of each line."""
        return [(self._name(first), self._name(second)) for first, second in PAIRS.values()]

    def rewound(self) -> list[str]:
        """List the networks of which one layer at a time is rewound."""
        return [self._name(each) for each in REWOUND]

    def _name(self, name: str) -> str:
        return str(Treatment.parse(name).into(self.target))


def parts() -> list[Part]:
    """List the target tasks, so that a study that is stopped early has whole seeds.

    >>> len(parts()), parts()[1].lines()[0]
    (8, ('B4A+', 'B4A+.2'))
    """
    return [Part(seed, target) for seed in SEEDS for target in TASKS[::-1]]


def plan(path: Path) -> str:
    """Say how many networks are compared, at how many places, and how many rows the table at `path` holds.

    >>> plan(Path("nowhere.csv"))
    '8 target tasks with 6 networks each, compared at 61 places; 0 of 488 rows are in nowhere.csv'
    """
    places = len(PAIRS) * len(SHARES) + len(REWOUND) * LAYERS
    networks = len({name for line in parts()[0].lines() for name in line})
    rows = len(ledger.read(path, COLUMNS))
    return (
        f"{len(parts())} target tasks with {networks} networks each, compared at {places} places; "
        f"{rows} of {places * len(parts())} rows are in {path}"
    )


def compare(path: Path, **options) -> pd.DataFrame:
    """Train the networks and compute what the table at `path` lacks, write it task by task, and return the table.

    `options` are those of `Lab`. Raises ValueError if another process is writing the table.
    """
    lab = Lab(precision=PRECISION, **options)
    with ledger.writing(path):
        missing = ledger.missing(path, TASK, {(SPLIT, part.seed, part.target): part for part in parts()}, VERSION)
        for part in tqdm(missing, desc="tasks", disable=not missing):
            names = [name for line in part.lines() for name in line]
            lab.train(with_parents((name, SPLIT, part.seed) for name in names))
            ledger.add(path, _rows(lab, part), ORDER)
    return read(path)


def _rows(lab: Lab, part: Part) -> pd.DataFrame:
    """Return what is measured for one task: a row a place on each line, and one a layer that is rewound."""
    runs = {name: lab.run(name, SPLIT, part.seed) for line in part.lines() for name in line}
    ends = {name: run.network() for name, run in runs.items()}
    task, mean = lab.task(part.target, SPLIT, part.seed), lab.experiment(f"base{part.target}", SPLIT, part.seed).mean()
    labels, rows = torch.from_numpy(task.test_labels), []

    def measure(network: torch.nn.Sequential) -> tuple[float, float]:
        training.take_statistics(network, task.train_images, lab.recipe, mean, lab.device)
        logits = training.predict(network, task.test_images, lab.recipe, mean, lab.device)
        return (logits.argmax(1) == labels).float().mean().item(), F.cross_entropy(logits, labels).item()

    def add(kind: str, first: str, second: str, place: float, network: torch.nn.Sequential, apart: float) -> None:
        other = runs[second].path.name if second in runs else ""
        rows.append((SPLIT, part.seed, part.target, kind, first, second, place, *measure(network), apart,
                     runs[first].path.name, other, VERSION))  # fmt: skip

    for first, second in part.lines():
        apart = distance(ends[first], ends[second])
        for share in SHARES:
            add("line", first, second, share, between(ends[first], ends[second], share), apart)
    for name in part.rewound():
        start = dict(lab.start(name, SPLIT, part.seed).named_children())
        for place, layer in enumerate(start, start=1):
            rewound = copy.deepcopy(ends[name])
            setattr(rewound, layer, start[layer])
            add("rewound", name, "start", place, rewound, distance(ends[name], rewound))
    return pd.DataFrame(rows, columns=COLUMNS)


def read(path: Path) -> pd.DataFrame:
    """Read the table at `path`; without rows if there is no file."""
    return ledger.read(path, COLUMNS)


def published() -> pd.DataFrame:
    """Return the published table."""
    return read(RESULTS / "basins.csv")
