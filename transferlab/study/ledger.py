"""Tables of networks on disk: a row a network, known by its run.

The `run` of a row, the name of its folder in the store, is a digest of all that determines the network. So a table that
is there can be added to, also if the run store is lost, and two recipes never take each other's rows. One process at a
time writes a table, and each time as a new file that takes the place of the old one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pandas as pd
from filelock import FileLock, Timeout

from transferlab.lab import Lab
from transferlab.notation import Job, with_parents
from transferlab.store import Run
from transferlab.system.files import replacing

Part = TypeVar("Part")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep other processes from writing the table at `path`; raises ValueError if one is doing so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            yield
    except Timeout:
        raise ValueError(f"another process is writing {path}; wait for it to finish, or stop it") from None


def read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read the table at `path`, or return one without rows if there is no file."""
    if not path.exists():
        return pd.DataFrame(columns=list(columns))
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def train(path: Path, lab: Lab, jobs: list[Job], row: Callable[[Run], pd.DataFrame], order: list[str]) -> None:
    """Train the networks that the table at `path` lacks, and what they need, and add what `row` says of each.

    The table is written once, when all of them are trained. Rows are sorted by the columns `order`.
    """
    known = set(read(path, ("run",)).run)
    wanted = {job: lab.spec(*job) for job in jobs}
    missing = {job: spec for job, spec in wanted.items() if lab.store.path(spec).name not in known}
    if not missing:
        return
    lab.train(with_parents(missing))
    rows = [row(run) for spec in missing.values() if (run := lab.store.find(spec))]
    add(path, pd.concat(rows, ignore_index=True), order)


def missing(path: Path, key: list[str], parts: Mapping[tuple, Part], version: int) -> list[Part]:
    """Return the parts of a study of which the table at `path` has no row, or only rows of another `version`.

    `parts` are known by the values of the columns `key`.

    >>> missing(Path("nowhere.csv"), ["seed", "target"], {(0, "A"): "first", (0, "B"): "second"}, version=1)
    ['first', 'second']
    """
    known = read(path, (*key, "version"))
    done = {*known[known.version == version][key].itertuples(index=False, name=None)}
    return [part for values, part in parts.items() if values not in done]


def add(path: Path, rows: pd.DataFrame, order: list[str]) -> None:
    """Add rows to the table at `path`."""
    save(path, pd.concat([read(path, ("run",)), rows], ignore_index=True) if path.exists() else rows, order)


def save(path: Path, rows: pd.DataFrame, order: list[str]) -> None:
    """Write a table, sorted by the columns `order`."""
    with replacing(path) as beside:
        rows.sort_values(order).to_csv(beside, index=False)
