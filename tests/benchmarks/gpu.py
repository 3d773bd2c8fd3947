"""What a GPU does with the study: the 37-network sweep, CaffeNet and its recipes, and a study of larger images.

    python tests/benchmarks/gpu.py --out FOLDER                 all of it, on one GPU
    python tests/benchmarks/gpu.py --out FOLDER --parts sweep   or caffenet, recipes, larger

- `sweep`: Kingdoms at laptop scale, 1 to 16 networks at a time. The first sweep is thrown away, since it compiles
  kernels; then every number is measured in turn, three times over. Writes gpu.csv, and gpu_networks.csv with the
  accuracies, compared with those of the published study (made on a CPU) in gpu_agreement.csv.
- `caffenet`: training at 227 pixels with the recipes `paper` and `modern`, the images on the device, staged from the
  host's memory and from a mapped file, and through a plain DataLoader loop: gpu_caffenet.csv.
- `recipes`: does `modern` reach what `paper` does? Base networks by both on Kingdoms at 256 pixels, with as many epochs
  as on half of ImageNet, on seeds that are not reported: gpu_recipes.csv. By far the longest part.
- `larger`: chapters by papermill at the scale `large` (64 pixels, 500 images a class). Needs the whole of
  requirements.txt. Writes large.csv, the table of the networks, and the executed notebooks.

`--device cpu --tiny` tries the script where there is no GPU, on a network and at a size at which its numbers mean
nothing.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import perf_counter

import caffenet
import pandas as pd
import torch

from transferlab import Lab, study
from transferlab.engine.recipes import SCALES
from transferlab.notation import CONDITIONS, DEPTHS
from transferlab.study.cost import SIZES
from transferlab.study.estimates import by_task
from transferlab.system.machine import hardware

TINY = {"network": "mini", "size": 32, "crop": 24, "batch": 2}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4, 8, 16])
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts:
        PARTS[part](arguments)


def sweep(arguments: argparse.Namespace) -> None:
    """The 37 networks, several at a time, and their accuracies beside a CPU's."""
    timed_sweep(arguments, max(arguments.at_once))
    rows = []
    for repetition in range(arguments.repetitions):
        for at_once in arguments.at_once:
            seconds, table = timed_sweep(arguments, at_once)
            memory = torch.cuda.max_memory_allocated() / 2**30 if arguments.device == "cuda" else float("nan")
            rows.append({"at_once": at_once, "repetition": repetition, "seconds": seconds, "networks": len(table),
                         "memory_gib": memory})  # fmt: skip
            print(rows[-1], flush=True)
            write(rows, arguments, "gpu")
            table.to_csv(arguments.out / "gpu_networks.csv", index=False)
    print(pd.DataFrame(rows).groupby("at_once").seconds.describe()[["min", "50%", "max"]])
    key = ["network", "split", "seed"]
    both = table.merge(study.published()[[*key, "accuracy"]], on=key, suffixes=("", "_cpu"))
    if len(both) > 1:
        gap = 100 * (both.accuracy - both.accuracy_cpu)
        agreement = by_task(gap.to_frame(), networks=2 * len(both))
        low, high = agreement.interval()
        write([{"gpu_minus_cpu": agreement.value, "low": low, "high": high, "pairs": len(both)}], arguments,
              "gpu_agreement")  # fmt: skip


def timed_sweep(arguments: argparse.Namespace, at_once: int) -> tuple[float, pd.DataFrame]:
    """Seconds of a whole sweep from an empty store, and its table."""
    with tempfile.TemporaryDirectory() as folder:
        scale = "smoke" if arguments.tiny else "laptop"
        lab = Lab(scale=scale, runs=folder, device=arguments.device, at_once=at_once)
        started = perf_counter()
        table = lab.sweep(CONDITIONS, DEPTHS)
        return perf_counter() - started, table


def throughput(arguments: argparse.Namespace) -> None:
    """CaffeNet, by both of its recipes."""
    sizes = {"images": 16, "steps": 1, "side": 256} if arguments.tiny else {"images": 8192, "steps": 40, "side": 8192}
    rows = []
    for scale in ("paper", "modern"):
        recipe = replace(SCALES[scale], **(TINY if arguments.tiny else {}))
        with tempfile.TemporaryDirectory() as folder:
            measured = caffenet.measure(recipe, arguments.device, Path(folder), **sizes)
        rows += [{"recipe": scale, **row} for row in measured]
        print(pd.DataFrame(rows).to_string(), flush=True)
        write(rows, arguments, "gpu_caffenet")


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


def larger(arguments: argparse.Namespace) -> None:
    """Chapters on larger images, by papermill, and the table of their networks."""
    scale, seeds = ("smoke", "[0]") if arguments.tiny else ("large", "[0, 1]")
    runs, started = arguments.out.absolute() / "runs", perf_counter()
    parameters = {"scale": scale, "seeds": seeds, "runs": str(runs), "device": arguments.device, "train": "true"}
    if arguments.tiny:
        parameters["layers"] = "[4]"
    command = [sys.executable, "-m", "transferlab", "batch", "03", "05", "06", "07", "--no-book"]
    command += ["--out", str(arguments.out / "larger")]
    for name, value in parameters.items():
        command += ["-p", name, value]
    subprocess.run(command, check=True)
    lab = Lab(scale=scale, runs=runs, device=arguments.device)
    write(lab.results().assign(all_seconds=perf_counter() - started).to_dict("records"), arguments, "large")


def write(rows: list[dict], arguments: argparse.Namespace, name: str) -> None:
    """A table that says on what it was measured, and when."""
    measured = {"hardware": hardware(arguments.device), "torch": torch.__version__}
    measured["measured_at"] = datetime.now(UTC).date().isoformat()
    pd.DataFrame(rows).assign(**measured).to_csv(arguments.out / f"{name}.csv", index=False, float_format="%.5g")


PARTS = {"sweep": sweep, "caffenet": throughput, "recipes": recipes, "larger": larger}

if __name__ == "__main__":
    main()
