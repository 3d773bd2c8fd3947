"""What a sweep costs: `Lab.sweep` against the plain loop of `plain.py`, interleaved, in one run.

    python tests/benchmarks/sweep.py           5 to 10 minutes on 2 cores; writes speed.csv and speed.json
    python tests/benchmarks/sweep.py --full    about an hour: both sweeps in full, to check the extrapolation
                                               and that accuracies agree; writes speed_full.csv

They go to this machine's folder in book/results/machines.

A repetition trains all 37 networks of a sweep for a few epochs through `Lab.sweep`, then, by hand, one network for
each cost: a full network and, frozen, every n. (Networks with the same layers to train cost the same, whatever
their layers were copied from.) Both are carried on to the recipe's epochs by the measured seconds an epoch.
"""

import argparse
import json
import tempfile
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import place
import plain
import psutil
import torch
from scipy import stats

from transferlab import Lab, networks
from transferlab.notation import CONDITIONS, DEPTHS
from transferlab.study.cost import flops
from transferlab.system.machine import cores, hardware

SHORT = 5  # epochs of a short sweep: three without an evaluation, one with a point of the curve, the last


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    lab = Lab(runs="runs")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.full:
            return full(lab, folder)
        workers = best_workers(lab)
        print(f"plain loop: {workers} DataLoader workers are the fastest here")
        rows = []
        for repetition in range(arguments.repetitions):
            for row in [*ours(lab, f"{folder}/{repetition}"), *by_hand(lab, workers)]:
                rows.append({"repetition": repetition, **row})
            print(pd.DataFrame(rows).query("repetition == @repetition and what == 'sweep'").to_string(), flush=True)
    report(lab, pd.DataFrame(rows), matmul_rates(), workers)


def ours(lab: Lab, folder: str) -> list[dict]:
    """Seconds of a sweep through `Lab`, carried on to the recipe's epochs, and of each network in it."""
    recipe = lab.recipe
    quick = Lab(runs=folder, epochs=SHORT)
    with peak_memory() as memory:
        started = time.perf_counter()
        quick.sweep(CONDITIONS)
        wall = time.perf_counter() - started
    rows, spent, carried_on = [], 0.0, 0.0
    for run in quick.store.runs():
        epochs = run.history.seconds
        epoch = epochs[: SHORT - 2].median()
        points = recipe.epochs // recipe.curve_every - 1 - (SHORT - 1) // recipe.curve_every
        longer = (recipe.epochs - SHORT) * epoch + points * max(0, epochs[SHORT - 2] - epoch)
        seconds = run.result["seconds"]
        spent, carried_on = spent + seconds, carried_on + seconds + longer
        treatment = run.treatment
        images = len(quick.task(treatment.target).train_labels) / epoch
        rows.append({"how": "ours", "what": treatment.condition, "n": treatment.n, "frozen": treatment.frozen,
                     "seconds": seconds + longer, "images_per_second": images})  # fmt: skip
    sweep = wall + (carried_on - spent) / cores()
    return [*rows, {"how": "ours", "what": "sweep", "seconds": sweep, "memory_gib": memory["peak"]}]


def by_hand(lab: Lab, workers: int) -> list[dict]:
    """Seconds of the same sweep by hand: one network for each cost, times the networks of that cost."""
    rows, total, task = [], 0.0, lab.task("B")
    recipe = replace(lab.recipe, epochs=2, curve_every=99)
    with peak_memory() as memory:
        for frozen in (0, *DEPTHS):
            network = networks.build(recipe.network, len(task.classes), recipe.size, seed=frozen)
            result = plain.train(network, frozen, task, recipe, workers)
            epoch, test = np.median(result["training"]), result["evaluation"][-1]
            points = lab.recipe.epochs // lab.recipe.curve_every - 1
            evaluated = 1 + points * lab.recipe.curve_images / len(task.test_labels)
            seconds = lab.recipe.epochs * epoch + evaluated * test
            total += seconds * (3 if frozen else 2 + 2 * len(DEPTHS))
            images = len(task.train_labels) / epoch
            rows.append({"how": "by hand", "what": "AnB" if frozen else "base", "n": frozen, "frozen": frozen,
                         "seconds": seconds, "images_per_second": images})  # fmt: skip
    return [*rows, {"how": "by hand", "what": "sweep", "seconds": total, "memory_gib": memory["peak"]}]


def full(lab: Lab, folder: str) -> None:
    """Both sweeps to the end: seconds, and accuracies network by network."""
    started = time.perf_counter()
    table = Lab(runs=f"{folder}/full").sweep(CONDITIONS).set_index("network")
    print(f"ours, in full: {time.perf_counter() - started:.0f} s", flush=True)
    table["sweep_seconds"] = time.perf_counter() - started
    workers, trained, rows = best_workers(lab), {}, []
    started = time.perf_counter()
    for name in table.index:
        experiment = lab.experiment(name)
        network = experiment.network(trained.get(str(experiment.treatment.parent)))
        begun, frozen = time.perf_counter(), experiment.treatment.frozen
        accuracy = plain.train(network, frozen, experiment.task(), lab.recipe, workers)["accuracy"]
        if name.startswith("base"):
            trained[name] = network
        rows.append({"network": name, "by_hand": accuracy, "by_hand_seconds": time.perf_counter() - begun})
        print(rows[-1], f"ours {table.accuracy[name]}", flush=True)
    both = pd.DataFrame(rows).set_index("network").join(table[["accuracy", "seconds", "sweep_seconds"]])
    both["by_hand_sweep_seconds"] = time.perf_counter() - started
    both.to_csv(place.table("speed_full.csv"), float_format="%.5g")
    difference = 100 * (both.accuracy - both.by_hand)
    low, high = stats.t.interval(0.95, len(both) - 1, difference.mean(), stats.sem(difference))
    print(f"in full: by hand {both.by_hand_sweep_seconds.iloc[0]:.0f} s, ours {both.sweep_seconds.iloc[0]:.0f} s")
    print(f"accuracy, ours minus by hand: {difference.mean():+.2f} points [{low:+.2f}, {high:+.2f}], {len(both)} pairs")


def best_workers(lab: Lab) -> int:
    """The number of DataLoader workers with which the plain loop is fastest, by one epoch of each."""
    task, recipe = lab.task("B"), replace(lab.recipe, epochs=1)
    seconds = {}
    for workers in (0, *range(cores() + 1)):  # the first, cold one is measured again
        network = networks.build(recipe.network, len(task.classes), recipe.size, seed=0)
        seconds[workers] = plain.train(network, 0, task, recipe, workers)["training"][0]
    return min(seconds, key=seconds.get)


def matmul_rates() -> dict[str, float]:
    """What the cores can do at most, in GFLOP/s: square matrix products, one thread a core, best of several."""
    rates = {}
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for name in ("float32", "bfloat16"):
        a = torch.randn(768, 768).to(getattr(torch, name))
        best = np.inf
        for _ in range(30):
            started = time.perf_counter()
            a @ a
            best = min(best, time.perf_counter() - started)
        rates[name] = cores() * 2 * 768**3 / best / 1e9
    torch.set_num_threads(before)
    return rates


def report(lab: Lab, rows: pd.DataFrame, rates: dict[str, float], workers: int) -> None:
    """Print the medians and their spread, and write them."""
    each = rows[rows.what != "sweep"].groupby(["frozen", "how"])
    table = each[["images_per_second", "seconds"]].median().unstack()
    table["ratio", ""] = table["seconds", "by hand"] / table["seconds", "ours"] * cores()
    operations = [flops(lab.recipe, 40, int(n)) * cores() / 1e9 for n in table.index]
    table["share_of_matmul_rate", ""] = table["images_per_second", "ours"] * operations / rates[lab.recipe.precision]
    print(f"\n{hardware('cpu')}, {cores()} cores, {lab.recipe.precision}; matmul GFLOP/s "
          + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()))  # fmt: skip
    print("\nBy number of frozen layers (0: base and fine-tuned); a network of ours has one core, by hand all:")
    print(table.round(2).to_string())
    sweeps = rows[rows.what == "sweep"].pivot(index="repetition", columns="how", values=["seconds", "memory_gib"])
    ratio = sweeps["seconds", "by hand"] / sweeps["seconds", "ours"]
    for how in ("ours", "by hand"):
        seconds = sweeps["seconds", how]
        print(f"\nsweep, {how}: {seconds.median():.0f} s ({seconds.min():.0f} to {seconds.max():.0f}), "
              f"peak memory {sweeps['memory_gib', how].max():.2f} GiB")  # fmt: skip
    print(f"ratio: {ratio.median():.2f} ({ratio.min():.2f} to {ratio.max():.2f}), {len(ratio)} repetitions")
    about = {"hardware": hardware("cpu"), "cores": cores(), "precision": lab.recipe.precision, "workers": workers}
    about |= {"matmul": rates, "torch": torch.__version__}
    place.table("speed.json").write_text(json.dumps(about, indent=1))
    rows.to_csv(place.table("speed.csv"), index=False, float_format="%.5g")


class peak_memory:
    """The most memory that this process and its children held together (proportional set size), in GiB."""

    def __enter__(self) -> dict:
        self.result, self.stop = {"peak": 0.0}, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self.result

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def _watch(self):
        while not self.stop.wait(1):
            total = 0
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except (psutil.Error, AttributeError):
                    continue
            self.result["peak"] = max(self.result["peak"], total / 2**30)


if __name__ == "__main__":
    main()
