"""Where the benchmarks write: a folder for each kind of machine, so that the figures of others stay."""

import re
from pathlib import Path

from transferlab.machine import cores, hardware
from transferlab.study import RESULTS


def folder() -> Path:
    """The folder of this machine, which is made: such as book/results/machines/amd-epyc-avx512-2-cores."""
    name = re.sub(r"[^a-z0-9]+", "-", f"{hardware('cpu')} {cores()} cores".lower())
    made = RESULTS / "machines" / name
    made.mkdir(parents=True, exist_ok=True)
    return made
