"""What a GPU does with the study. One script, one GPU; meant to fit into 45 minutes on an H100 or H200.

    python tests/benchmarks/gpu.py --out FOLDER                 the parts sweep, soak, caffenet and large, in this order
    python tests/benchmarks/gpu.py --out FOLDER --parts soak    one of them, or `recipes`

- `sweep`: the 37 networks of Kingdoms at laptop scale, 1 to 16 at a time. The first sweep is thrown away, since it
  loads kernels; then every number is measured in turn, three times over: gpu_sweep.csv, its medians beside the goal in
  gpu_goal.csv, and gpu_networks.csv with the accuracies and the checksums of the weights. Networks that differ from
  those of the first sweep, bit for bit, are counted. Where even one at a time differs it is the kernels; else networks
  that are trained side by side disturb each other.
- `soak`: 216 networks of three seeds, trained 8 at a time and then 16 at a time, each time in an empty store, and
  compared bit for bit: gpu_soak.csv and gpu_soak_networks.csv. The accuracies of the first time beside those of the
  published study (made on a CPU), network by network, with a 95 % interval over target tasks: gpu_agreement.csv.
- `caffenet`: training at 227 pixels with the recipes `paper` and `modern`: the images on the device, staged from the
  host's memory and from a mapped file, beside plain loops with torchvision on the same card: gpu_caffenet.csv, its
  medians and ratios in gpu_caffenet_medians.csv, the rates of matrix products in gpu_matmul.csv.
- `large`: the study at the scale `large` (64 pixels, 500 images a class) on one split, both targets, so many networks
  as fit into `--minutes`: gpu_large.csv. The same command goes on where it was, from the run store FOLDER/runs.
- `recipes`: does `modern` reach what `paper` does? Base networks by both on Kingdoms at 256 pixels, with as many epochs
  as on half of ImageNet, on seeds that are not reported: gpu_recipes.csv. The longest by far, only where it is named.

Every part has a process of its own, so that one that fails or hangs does not cost the others; the script then says
which, and exits with 1. Tables are written as soon as there is a row, into FOLDER/<card>, to be copied to
book/results/machines/.

Where there are no jupyter and no internet: it takes torch, torchvision, numpy, pandas, scipy, pillow, safetensors,
filelock, tqdm, and dask to count the cores (with click, cloudpickle, fsspec, packaging, partd, locket, PyYAML, toolz,
and below Python 3.12 importlib_metadata and zipp), but not distributed. What is missing there can be fetched elsewhere,
with the same version of Python, and carried along:

    pip download --only-binary :all: --dest wheels filelock tqdm dask
    pip install --no-index --find-links wheels --target carried filelock tqdm dask
    PYTHONPATH=carried:. python tests/benchmarks/gpu.py --out measured

`--device cpu --tiny` tries the script where there is no GPU, on a network and at a size at which its numbers mean
nothing.
"""

import argparse
import json
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import caffenet
import pandas as pd
import place
import torch

from transferlab import Lab, study
from transferlab.engine.recipes import SCALES
from transferlab.notation import CONDITIONS, DEPTHS, TASKS
from transferlab.store.sweeps import sweep_jobs
from transferlab.study import Study, publish
from transferlab.study.cost import SIZES, flops
from transferlab.study.estimates import by_task
from transferlab.system.machine import cores, hardware
from transferlab.training import length

GOAL = 60  # seconds for the 37 networks of a sweep
GOAL_AT = 8  # networks at a time, as a Lab trains them if nothing is said
SEEDS = (0, 1, 2)
SOAK = (8, 16)  # networks at a time: the first and the second time
FIRST = (4,)  # n of the large study: the middle of its curves, then all the rest
HANGS = 30  # minutes after which a part that is still at work has hung; the large study has its own on top
JOB = ["network", "split", "seed"]

TINY = {"network": "mini", "crop": 24, "batch": 2}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[part for part in PARTS if part != "recipes"])
    parser.add_argument("--minutes", type=float, default=20, help="for the large study (default: 20)")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    arguments.conditions, arguments.layers = CONDITIONS, DEPTHS
    if arguments.tiny:
        arguments.repetitions, arguments.at_once = 1, [1]
        arguments.conditions, arguments.layers = ("base", "AnB"), (4,)
    if len(arguments.parts) == 1:
        write([card(arguments)], arguments, "gpu_card")
        PARTS[arguments.parts[0]](arguments)
    elif failed := [part for part in arguments.parts if not runs(part, arguments)]:
        sys.exit(f"failed: {', '.join(failed)}; the tables of the others are in {arguments.out}")


def runs(part: str, arguments: argparse.Namespace) -> bool:
    """Run a part in a process of its own, and say whether it went well: an error of CUDA spoils a whole process."""
    print(f"\n== {part}", flush=True)
    limit = HANGS + arguments.minutes * (part == "large")
    try:
        command = [sys.executable, __file__, *sys.argv[1:], "--parts", part]
        return not subprocess.run(command, timeout=None if part == "recipes" else 60 * limit).returncode
    except subprocess.TimeoutExpired:
        print(f"{part} was ended after {limit:.0f} minutes")
        return False


class Sweep(NamedTuple):
    """A sweep from an empty store; its table has the checksums of the weights."""

    seconds: float
    images_per_second: float
    memory_gib: float
    table: pd.DataFrame


def trained(arguments: argparse.Namespace, at_once: int, seeds: tuple = (0,), targets: tuple = ("B",)) -> Sweep:
    """Train all conditions at all n, `at_once` networks at a time."""
    scale = "smoke" if arguments.tiny else "laptop"
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(scale=scale, runs=folder, device=arguments.device, at_once=at_once)
        jobs = sweep_jobs(arguments.conditions, arguments.layers, "random", seeds, targets)
        free_memory(arguments)
        started = perf_counter()
        table = lab.train(jobs)
        seconds = perf_counter() - started
        memory = torch.cuda.max_memory_allocated() / 2**30 if arguments.device == "cuda" else float("nan")
        weights = {
            (str(run.treatment), run.spec["split"], run.spec["seed"]): json.loads(
                (run.path / "checksums.json").read_text(encoding="utf-8")
            )["weights.safetensors"]
            for run in lab.store.runs()
        }
        batch, _, steps = length(lab.recipe, len(lab.task("B").train_labels))
    table["weights"] = [weights[job] for job in table[JOB].itertuples(index=False, name=None)]
    return Sweep(seconds, len(table) * batch * steps / seconds, memory, table)


def free_memory(arguments: argparse.Namespace) -> None:
    """Make the device's memory and its peak what they are in a new process; no network is being trained."""
    if arguments.device == "cuda":
        torch._C._cuda_clearCublasWorkspaces()  # as PyTorch's notes on CUDA have it: else they stay for each stream
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def differing(one: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    """Networks whose weights are not the same in both tables, to the last bit."""
    both = one.merge(other, on=JOB, suffixes=("", "_other"), validate="one_to_one")
    return [f"{row.network} (seed {row.seed})" for row in both[both.weights != both.weights_other].itertuples()]


def sweep(arguments: argparse.Namespace) -> None:
    """The 37 networks, several at a time, in turn."""
    trained(arguments, max(arguments.at_once))
    rows, tables = [], []
    for repetition, at_once in product(range(arguments.repetitions), arguments.at_once):
        each = trained(arguments, at_once)
        tables.append(each.table.assign(at_once=at_once, repetition=repetition))
        rows.append({
            "at_once": at_once, "repetition": repetition, "networks": len(each.table), "seconds": each.seconds,
            "images_per_second": each.images_per_second, "memory_gib": each.memory_gib,
            "differing": len(differing(tables[0], each.table)),
        })  # fmt: skip
        print(rows[-1], flush=True)
        write(rows, arguments, "gpu_sweep")
        write(pd.concat(tables).to_dict("records"), arguments, "gpu_networks")
    groups = pd.DataFrame(rows).groupby("at_once")
    goal = groups.seconds.agg(["median", "min", "max"]).add_suffix("_seconds")
    goal = goal.join(groups[["networks", "images_per_second", "memory_gib"]].median())
    goal["goal_seconds"], goal["met"] = GOAL, goal.median_seconds < GOAL
    write(goal.reset_index().to_dict("records"), arguments, "gpu_goal")
    print(goal.round(2).to_string())
    at = GOAL_AT if GOAL_AT in goal.index else goal.index[-1]
    print(f"\n{goal.networks[at]:.0f} networks, {at} at a time: {goal.median_seconds[at]:.1f} s "
          f"({goal.min_seconds[at]:.1f} to {goal.max_seconds[at]:.1f}); "
          f"the goal, under {GOAL} s, is {'met' if goal.met[at] else 'missed'}")  # fmt: skip


def soak(arguments: argparse.Namespace) -> None:
    """Networks of several seeds, trained twice and compared, and their accuracies beside a CPU's."""
    rows, tables = [], []
    for at_once in (1, 1) if arguments.tiny else SOAK:
        each = trained(arguments, at_once, SEEDS[:1] if arguments.tiny else SEEDS, TASKS)
        tables.append(each.table.assign(at_once=at_once, time=len(tables) + 1))
        others = differing(tables[0], each.table)
        rows.append({
            "time": len(tables), "at_once": at_once, "networks": len(each.table), "seconds": each.seconds,
            "images_per_second": each.images_per_second, "differing": len(others),
        })  # fmt: skip
        print(f"{len(each.table)} networks, {at_once} at a time: {each.seconds:.0f} s; "
              f"differing from the first time: {len(others)} {', '.join(others)}", flush=True)  # fmt: skip
        write(rows, arguments, "gpu_soak")
        write(pd.concat(tables).to_dict("records"), arguments, "gpu_soak_networks")
    agreement = agreements(tables[0], study.published())
    write(agreement, arguments, "gpu_agreement")
    print(pd.DataFrame(agreement).round(2).to_string())


def agreements(table: pd.DataFrame, published: pd.DataFrame) -> list[dict]:
    """Percentage points by which networks are better here than in the published study, in all and by condition.

    The 95 % intervals are over target tasks.
    """
    both = table.merge(published[[*JOB, "accuracy"]], on=JOB, suffixes=("", "_published"))
    both["gap"] = 100 * (both.accuracy - both.accuracy_published)
    rows = []
    for condition in ("all", *both.condition.unique()):
        mine = both[(both.condition == condition) | (condition == "all")]
        gaps = mine.pivot(index=["seed", "target"], columns=["condition", "n"], values="gap")
        estimate = by_task(gaps, networks=2 * len(mine))
        low, high = estimate.interval()
        rows.append({"condition": condition, "here_minus_published": estimate.value, "low": low, "high": high,
                     "pairs": estimate.pairs, "tasks": estimate.tasks, "largest": mine.gap.abs().max()})  # fmt: skip
    return rows


def throughput(arguments: argparse.Namespace) -> None:
    """CaffeNet, by both of its recipes, from everywhere, and plain loops beside them, in turn."""
    tiny, device, rows = arguments.tiny, arguments.device, []
    count, steps, workers, side = (16, 1, 0, 256) if tiny else (8192, 60, cores(), 8192)
    best = {kind: caffenet.matmul_rate(kind, device, side, seconds=0 if tiny else 1) for kind in caffenet.KINDS}
    write([{"kind": kind, "side": side, "tflops": rate / 1e12} for kind, rate in best.items()], arguments, "gpu_matmul")
    with tempfile.TemporaryDirectory() as folder:
        pictures = caffenet.Pictures(Path(folder), count)
        for repetition, scale in product(range(arguments.repetitions), ("paper",) if tiny else ("paper", "modern")):
            recipe = replace(SCALES[scale], **TINY) if tiny else SCALES[scale]
            recipe = recipe.on(device)
            each = flops(recipe, caffenet.CLASSES, 0)
            for way, measure in caffenet.ways(pictures, recipe, device, steps, workers).items():
                rate = measure()
                rows.append({
                    "recipe": scale, "way": way, "precision": recipe.precision, "batch": recipe.batch,
                    "repetition": repetition, "images_per_second": rate,
                    "share_of_matmul_rate": rate * each / best[recipe.precision],
                    "share_of_tf32_rate": rate * each / best["tf32"] if recipe.precision == "float32" else None,
                })  # fmt: skip
                print(rows[-1], flush=True)
                write(rows, arguments, "gpu_caffenet")
    shares = ["images_per_second", "share_of_matmul_rate", "share_of_tf32_rate"]
    medians = pd.DataFrame(rows).astype({"share_of_tf32_rate": float})
    medians = medians.groupby(["recipe", "way"], sort=False)[shares].median().reset_index()
    for plain in caffenet.PLAIN:
        theirs = medians[medians.way == plain].set_index("recipe").images_per_second
        medians[f"times_{plain}"] = medians.images_per_second / medians.recipe.map(theirs)
    write(medians.to_dict("records"), arguments, "gpu_caffenet_medians")
    print(medians.round(3).to_string())


def large(arguments: argparse.Namespace) -> None:
    """As much of a study of larger images as there is time for."""
    scale, at_once = ("smoke", 1) if arguments.tiny else ("large", None)
    path = arguments.out / "large.csv"
    try:
        with time_limit(60 * arguments.minutes):
            lab = Lab(scale=scale, runs=arguments.out / "runs", device=arguments.device, at_once=at_once)
            for layers in (FIRST, arguments.layers):
                publish(lab, path, Study(((arguments.conditions, layers, "random", (0,), TASKS),)))
    except TimeIsUp:
        print(f"the {arguments.minutes:g} minutes are over; the same command goes on from here")
    rows = study.read(path)
    write(rows.to_dict("records"), arguments, "gpu_large")
    print(f"{len(rows)} networks")
    print(rows.pivot_table(index=["target", "n"], columns="condition", values="accuracy").round(3).to_string())


class TimeIsUp(KeyboardInterrupt):
    """Ends a training as Ctrl-C does: at its next batch, and to be gone on with."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeIsUp in here after so many seconds."""

    def over(*_):
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def recipes(arguments: argparse.Namespace) -> None:
    """Accuracies of base networks by both recipes, network by network."""
    train, test = (2, 1) if arguments.tiny else (500, 50)
    data, images, rows = {"train_per_class": train, "test_per_class": test}, 40 * train, []
    for seed, scale in product(range(101, 101 + arguments.repetitions), ("modern", "paper")):
        share = images / (SIZES["imagenet"][0] / 2)  # of the images of half of ImageNet
        changes = {name: round(share * getattr(SCALES[scale], name)) for name in ("iterations", "drop_every")}
        if arguments.tiny:
            changes |= {"iterations": 2, **TINY}
        with tempfile.TemporaryDirectory() as folder:
            run = Lab(scale=scale, runs=folder, device=arguments.device, data=data, **changes).run("baseB", seed=seed)
            rows.append({"recipe": scale, "seed": seed, "accuracy": run.accuracy, **run.result})
        print(pd.DataFrame(rows).to_string(), flush=True)
        write(rows, arguments, "gpu_recipes")


def card(arguments: argparse.Namespace) -> dict:
    """The machine, as far as it matters to the numbers."""
    about = {"cores": cores(), "python": platform.python_version(), "cudnn": torch.backends.cudnn.version()}
    if arguments.device == "cuda":
        found = torch.cuda.get_device_properties()
        about |= {"memory_gib": found.total_memory / 2**30, "multiprocessors": found.multi_processor_count,
                  "compute_capability": f"{found.major}.{found.minor}"}  # fmt: skip
    return about


@cache
def driver() -> str:
    """The version of NVIDIA's driver, as far as it can be asked for."""
    if not shutil.which("nvidia-smi"):
        return "unknown"
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return (subprocess.run(command, capture_output=True, text=True).stdout.splitlines() or ["unknown"])[0].strip()


def write(rows: list[dict], arguments: argparse.Namespace, name: str) -> None:
    """A table that says on what it was measured, and when, in the folder of the card."""
    measured = {"hardware": hardware(arguments.device), "driver": driver(), "cuda": torch.version.cuda}
    measured |= {"torch": torch.__version__, "measured_at": datetime.now(UTC).date().isoformat()}
    path = place.table(f"{name}.csv", arguments.out / place.slug(hardware(arguments.device)) / f"{name}.csv")
    table = pd.DataFrame(rows)
    table = table.assign(**{name: value for name, value in measured.items() if name not in table})  # a row's own wins
    table.to_csv(path, index=False, float_format="%.5g")


PARTS = {"sweep": sweep, "soak": soak, "caffenet": throughput, "large": large, "recipes": recipes}

if __name__ == "__main__":
    main()
