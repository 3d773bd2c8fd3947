"""The 37-network sweep on a GPU, with 1 to 16 networks at a time.

    python tests/benchmarks/gpu.py --out FOLDER        a few minutes; writes FOLDER/gpu.csv and FOLDER/networks.csv

The first sweep is thrown away: it compiles kernels. Then every number of networks at a time is measured in turn,
three times over. The accuracies of the last sweep are kept, to compare with those of a CPU. `--device cpu
--scale smoke` tries the script where there is no GPU.
"""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch

from transferlab import Lab, streams
from transferlab.machine import hardware
from transferlab.notation import CONDITIONS, DEPTHS
from transferlab.sweeps import plan_sweep


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4, 8, 16])
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    timed_sweep(arguments, max(arguments.at_once))
    rows = []
    for repetition in range(arguments.repetitions):
        for at_once in arguments.at_once:
            seconds, table = timed_sweep(arguments, at_once)
            memory = torch.cuda.max_memory_allocated() / 2**30 if arguments.device == "cuda" else float("nan")
            rows.append(
                {
                    "at_once": at_once,
                    "repetition": repetition,
                    "seconds": seconds,
                    "networks": len(table),
                    "memory_gib": memory,
                    "hardware": hardware(arguments.device),
                    "torch": torch.__version__,
                    "measured_at": datetime.now(UTC).date().isoformat(),
                }
            )
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(arguments.out / "gpu.csv", index=False, float_format="%.3f")
            table.to_csv(arguments.out / "networks.csv", index=False)
    print(pd.DataFrame(rows).groupby("at_once").seconds.describe()[["min", "50%", "max"]])


def timed_sweep(arguments: argparse.Namespace, at_once: int) -> tuple[float, pd.DataFrame]:
    """Seconds of a whole sweep from an empty store, and its table."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(scale=arguments.scale, runs=folder, device=arguments.device)
        jobs = plan_sweep(CONDITIONS, DEPTHS, "random", (0,), ("B",))
        started = perf_counter()
        streams.in_parallel(lab.run, jobs, at_once, lambda job, accuracy: None)
        return perf_counter() - started, lab.results()


if __name__ == "__main__":
    main()
