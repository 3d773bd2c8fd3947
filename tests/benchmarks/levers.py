"""What each lever of the training path gains, alone and together, between the plain loop and what `Lab` does.

    python tests/benchmarks/levers.py            about 20 minutes on 2 cores; writes levers.csv into this machine's
                                                 folder in book/results/machines

Images a second are those of the whole machine: one process on all cores or, with the lever `processes`, one network
a core at the same time. What is done once a network (the tensors, the outputs of the frozen layers) counts with its
share of one epoch. "Alone" is the plain loop with this lever only, over the plain loop; "together" is everything
over everything but this lever. Every measurement is made in fresh processes, after an epoch that is thrown away;
within a repetition the measurements come in random order.
"""

import argparse
import multiprocessing
import os
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from statistics import mean
from unittest import mock

import pandas as pd
import place
import plain
from loop import Levers, train

from transferlab import Lab, networks, training
from transferlab.system.machine import cores, hardware, one_thread

DEPTHS = (0, 3, 6)  # numbers of frozen layers
LOOPS = {"plain.py": "the loop of plain.py, epochs alone", "Lab": "transferlab.training.train, epochs alone"}


NAMES = tuple(each.name for each in fields(Levers))


def configurations(precision: str) -> dict[str, Levers]:
    """All that is measured. Everything is what `Lab` does: bfloat16 only where that is its recipe's precision."""
    everything = replace(Levers(*[True] * len(NAMES)), bfloat16=precision == "bfloat16")
    return (
        {"plain": Levers(), "everything": everything}
        | {f"only {name}": Levers(**{name: True}) for name in NAMES}
        | {f"all but {name}": replace(everything, **{name: False}) for name in NAMES}
        | {"plain.py": Levers(), "Lab": everything}
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="timed ones, after one that is thrown away")
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--out", type=Path, help="the table (default: levers.csv of this machine)")
    arguments = parser.parse_args()
    from sweep import best_workers  # here, so that the measured processes do not import it too

    lab = Lab(scale=arguments.scale, device="cpu")
    workers = best_workers(lab)
    print(f"{hardware('cpu')}, {cores()} cores; {workers} DataLoader workers are the fastest for the plain loop")
    rows = []
    for repetition in range(arguments.repetitions):
        todo = list(configurations(lab.recipe.precision).items())
        random.Random(repetition).shuffle(todo)
        for name, levers in todo:
            measured = measure(name, levers, lab, DEPTHS, arguments.epochs, workers)
            rows += [{"lever": name, "repetition": repetition, **row} for row in measured]
            rates = ", ".join(f"{row['images_per_second']:.0f}" for row in measured)
            print(f"{repetition} {name}: {rates} images/s with {DEPTHS} frozen", flush=True)
    table = pd.DataFrame(rows)
    report(table)
    table["description"] = table.lever.map(describe)
    columns = ["lever", "description", "frozen", "repetition", "images_per_second"]
    table[columns].to_csv(place.table("levers.csv", arguments.out), index=False, float_format="%.5g")


def describe(name: str) -> str:
    """A configuration in words."""
    known = {each.name: each.metadata["description"] for each in fields(Levers)}
    fixed = {"plain": "no lever", "everything": "every lever that Lab uses here", **LOOPS}
    return fixed.get(name) or known[name.split()[-1]]


def measure(name: str, levers: Levers, lab: Lab, depths: tuple[int, ...], epochs: int, workers: int) -> list[dict]:
    """Images a second of the whole machine, a row for each number of frozen layers, in processes that are started here.

    `epoch_rate` leaves out what is done once.
    """
    count = cores() if levers.processes else 1
    given = {"scale": lab.scale, "runs": lab.store.root, "device": "cpu", "precision": lab.recipe.precision}
    spawn, method = multiprocessing.get_context("spawn"), multiprocessing.get_start_method()
    with (
        mock.patch.dict(os.environ, environment(levers)),  # read by the processes as they start
        ProcessPoolExecutor(count, spawn, initializer=_prepare, initargs=(spawn.Barrier(count), method)) as pool,
    ):
        work = [pool.submit(seconds, name, levers, given, depths, epochs, workers) for _ in range(count)]
        measured = [each.result() for each in work]
    labels, batch = lab.task("B").train_labels, lab.recipe.batch
    images = len(labels) // batch * batch
    return [
        {
            "frozen": frozen,
            "images_per_second": sum(images / (epoch + once / lab.recipe.epochs) for once, epoch in both),
            "epoch_rate": sum(images / epoch for _, epoch in both),
        }
        for frozen, *both in zip(depths, *measured, strict=True)
    ]


def environment(levers: Levers) -> dict[str, str]:
    """The variables that measured processes start with."""
    import dask
    import distributed  # noqa: F401  (it sets dask's defaults)

    from transferlab.parallel.host import ENVIRONMENT

    variables = dask.config.get("distributed.nanny.pre-spawn-environ") if levers.processes else {}
    kept = {key: value for key, value in ENVIRONMENT.items() if key != "OMP_NUM_THREADS"}
    return {key: str(value) for key, value in {**variables, **(kept if levers.malloc else {})}.items()}


_barrier = None  # in a measured process: where the processes meet after the epoch that is thrown away


def _prepare(barrier, method: str) -> None:
    global _barrier
    _barrier = barrier
    multiprocessing.set_start_method(method, force=True)  # else DataLoader's workers would be spawned too


def _meet(row: dict) -> None:
    if row["epoch"] == 1 and _barrier:
        _barrier.wait(timeout=300)


def seconds(name: str, levers: Levers, given: dict, depths: tuple, epochs: int, workers: int) -> list[tuple]:
    """In a measured process: seconds that are spent once, and those of an epoch, for each number of frozen layers."""
    lab = Lab(**given)
    task, result = lab.task("B"), []
    for frozen in depths:
        network = networks.build(lab.recipe.network, len(task.classes), lab.recipe.size, seed=frozen)
        many = 10 * epochs if frozen > 5 and levers.prefix else epochs  # an epoch of the last layers is short
        recipe = replace(lab.recipe, epochs=many + 1, curve_every=many + 3)
        once = 0.0
        if name == "plain.py":
            each = plain.train(network, frozen, task, recipe, workers)["training"]
        elif name == "Lab":  # one epoch more, since the last one has the evaluation in it
            with one_thread():
                rows = training.train(network, frozen, task, replace(recipe, epochs=many + 2), 0, on_epoch=_meet)
            each = [row["seconds"] for row in rows[:-1]]
        else:
            once, each = train(network, frozen, task, recipe, levers, 0 if levers.processes else workers, _meet)
        result.append((once, mean(each[1:])))
    return result


def report(table: pd.DataFrame) -> None:
    """Print the gains, medians over the repetitions with the lowest and the highest, and check both ends."""
    rates = table.pivot(index=["frozen", "repetition"], columns="lever", values="images_per_second")
    columns = {}
    for frozen, rate in rates.groupby("frozen"):
        columns[f"{frozen} frozen, alone"] = {n: spread(rate[f"only {n}"] / rate.plain) for n in NAMES}
        columns[f"{frozen} frozen, together"] = {n: spread(rate.everything / rate[f"all but {n}"]) for n in NAMES}
        print(f"{frozen} frozen: {rate.plain.median():.0f} images/s plain, {rate.everything.median():.0f} with "
              f"everything, a gain of {spread(rate.everything / rate.plain)}")  # fmt: skip
    print("\n" + pd.DataFrame(columns).to_string() + "\n")
    epochs = table.pivot(index=["frozen", "repetition"], columns="lever", values="epoch_rate")
    for ours, theirs in (("plain", "plain.py"), ("everything", "Lab")):
        for frozen, rate in epochs.groupby("frozen"):
            ratio = rate[ours] / rate[theirs]
            verdict = "within 10 %" if abs(ratio.median() - 1) <= 0.1 else "NOT within 10 %"
            print(f"check, {frozen} frozen: {ours} is {spread(ratio)} times as fast as {theirs}, {verdict}")


def spread(ratio: pd.Series) -> str:
    """Such as "1.52 (1.48 to 1.60)": the median, the lowest and the highest."""
    return f"{ratio.median():.2f} ({ratio.min():.2f} to {ratio.max():.2f})"


if __name__ == "__main__":
    main()
