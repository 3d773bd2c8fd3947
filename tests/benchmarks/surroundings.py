"""What surrounds training, against its goals: drawing images, importing, finding and listing runs, building the book.

    python tests/benchmarks/surroundings.py          about 2 minutes on 2 cores; writes surroundings.csv
    python tests/benchmarks/surroundings.py --book   and about 10 minutes for the book, in a clone of the last commit

The table goes to this machine's folder in book/results/machines.

A row for each: the median over the repetitions, the lowest, the highest, the goal, and whether the median meets it.
The goals are for 2 cores. Files are in the system's cache: everything is done once before it is timed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import place
import torch
from safetensors.numpy import save_file

from transferlab import Lab, Treatment
from transferlab.datasets import kingdoms
from transferlab.store import Store
from transferlab.system.machine import cores, hardware

ROOT = Path(__file__).parents[2]
DRAWING = "drawing 32,000 images of Kingdoms"
IMPORT = "import transferlab, over torch"
IMPORT_LAB = "from transferlab import Lab, over torch"
LOOKUP = "finding a run in the store"
LISTING = "results() over 1,000 runs"
LOOKS = {size: f"a look at one of 500 runs of {size} MB" for size in (1, 100)}
BOOK = "make book, every network in the store"
GOALS = {DRAWING: 10, IMPORT: 0.3, IMPORT_LAB: 0.3, LOOKUP: 0.005, LISTING: 0.5, BOOK: 70}  # seconds
GOALS |= {what: GOALS[LOOKUP] for what in LOOKS.values()}  # the same, whatever the size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--book", action="store_true")
    parser.add_argument("--out", type=Path, help="the table (default: surroundings.csv of this machine)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(scale="smoke", device="cpu", runs=Path(folder, "runs"))
        fill(lab, 1000)
        large = {what: runs_of(Path(folder, str(size)), size, 500) for size, what in LOOKS.items()}
        rows = repeat(lambda: once(lab) | look(large), arguments.repetitions)
        if arguments.book:
            clone = make_clone(Path(folder, "clone"))
            rows += repeat(lambda: {BOOK: build(clone)}, arguments.repetitions)
    table = summary(rows)
    print(f"{hardware('cpu')}, {cores()} cores; seconds\n{table.to_string(index=False)}")
    table.to_csv(place.table("surroundings.csv", arguments.out), index=False, float_format="%.4g")


def repeat(measure: Callable[[], dict[str, float]], repetitions: int) -> list[dict[str, float]]:
    """What `measure` gives, again and again; the first time does not count."""
    measure()
    rows = []
    for _ in range(repetitions):
        rows.append(measure())
        print({what: round(seconds, 4) for what, seconds in rows[-1].items()}, flush=True)
    return rows


def once(lab: Lab, per_class: int = 400) -> dict[str, float]:
    """Seconds of everything but the book."""
    torch_alone = importing("import torch")
    return {
        DRAWING: timed(lambda: kingdoms.draw(per_class=per_class, workers=cores())),
        IMPORT: importing("import torch, transferlab") - torch_alone,
        IMPORT_LAB: importing("import torch; from transferlab import Lab") - torch_alone,
        LOOKUP: timed(lambda: find(lab), times=200),
        LISTING: timed(lab.results),
    }


def timed(call: Callable, times: int = 1) -> float:
    """Seconds of a call."""
    started = perf_counter()
    for _ in range(times):
        call()
    return (perf_counter() - started) / times


def importing(statements: str) -> float:
    """Seconds of some imports in a fresh Python. Compiled modules are kept, as they are unless somebody forbids it."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    program = f"from time import perf_counter\nstarted = perf_counter()\n{statements}\nprint(perf_counter() - started)"
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def find(lab: Lab) -> None:
    """Look up a network that rests on another."""
    assert lab.store.find(lab.spec(Treatment.parse("A3B"), "random", 0))


def look(stores: dict[str, tuple[Store, list[dict]]]) -> dict[str, float]:
    """Seconds of a look at a run, the mean over all the runs of each store."""
    return {
        what: timed(lambda store=store, specs=specs: [store.find(spec) for spec in specs]) / len(specs)
        for what, (store, specs) in stores.items()
    }


def runs_of(folder: Path, megabytes: int, count: int) -> tuple[Store, list[dict]]:
    """A store of `count` runs with weights of that size, all hard links to one file, and what to ask it for."""
    store, specs = Store(folder), [{"treatment": "baseB", "seed": seed} for seed in range(count)]
    weights = folder / "weights.safetensors"
    folder.mkdir()
    save_file({"weight": np.zeros(megabytes << 20, np.uint8)}, weights)
    for spec in specs:
        mine = store.save(spec, [{"epoch": 1}], torch.nn.Linear(1, 1), {}).path / weights.name
        mine.unlink()
        os.link(weights, mine)
    return store, specs


def fill(lab: Lab, count: int) -> None:
    """Train six networks and store copies of them under other seeds, until there are `count`.

    The copies have next to no weights, which are not read when runs are listed: on disk 1,000 networks take 0.8 GB.
    """
    runs = [lab.run(name) for name in ("baseA", "baseB", "B3B", "A3B", "A5B+", "R3B")]
    for number in range(count - len(lab.store.runs())):
        run, seed = runs[number % len(runs)], 1 + number // len(runs)
        history = run.history.to_dict("records")
        lab.store.save({**run.spec, "seed": seed}, history, torch.nn.Linear(1, 1), run.result)


def make_clone(folder: Path) -> Path:
    """A clone of the last commit with a copy of this folder's environment, which make then installs it in."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    shutil.copytree(ROOT / ".venv", folder / ".venv", symlinks=True)
    return folder


def build(clone: Path) -> float:
    """Seconds of `make book` with this folder's run store. The first time it installs, and trains what is missing."""
    environment = {**os.environ, "TRANSFERLAB_RUNS": str(ROOT / "runs"), "TRANSFERLAB_SCALE": "laptop"}
    return timed(lambda: subprocess.run(["make", "book"], cwd=clone, env=environment, check=True, stdout=sys.stderr))


def summary(rows: list[dict[str, float]]) -> pd.DataFrame:
    """A row for each thing measured."""
    each = pd.DataFrame(rows).T
    table = pd.DataFrame({
        "what": each.index,
        "median": each.median(axis=1),
        "lowest": each.min(axis=1),
        "highest": each.max(axis=1),
        "repetitions": each.count(axis=1),
        "goal": each.index.map(GOALS),
    })  # fmt: skip
    return table.assign(met=table["median"] <= table.goal)


if __name__ == "__main__":
    main()
