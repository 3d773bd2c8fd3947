"""Where the benchmarks write: a folder for each kind of machine, so that the figures of others stay."""

import re
from pathlib import Path

from transferlab.study import RESULTS
from transferlab.system.machine import cores, hardware


def table(name: str, given: Path | None = None) -> Path:
    """Where a table goes: where it was `given`, or into this machine's folder, such as amd-epyc-avx512-2-cores.

    The folder is made.
    """
    path = given or RESULTS / "machines" / slug(f"{hardware('cpu')} {cores()} cores") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def slug(machine: str) -> str:
    """The name of a machine's folder."""
    return re.sub(r"[^a-z0-9]+", "-", machine.lower()).strip("-")
