"""What each chapter costs on this machine, first in an empty run store and then again: book/results/chapters.csv.

The first time a chapter trains what those before it have not. Fifteen minutes on two cores; `--runs` keeps the store.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from transferlab.chapters import batch
from transferlab.store import Store
from transferlab.study import RESULTS
from transferlab.system.machine import cores, hardware

PATH = RESULTS / "chapters.csv"


def minutes(chapters: list[Path], runs: Path, scale: str) -> tuple[list[float], list[int]]:
    """How long each chapter takes, and how many networks it adds to the store."""
    times, added = [], []
    for chapter in chapters:
        before = len(Store(runs).runs())
        with tempfile.TemporaryDirectory() as out:
            row = batch.run([chapter], {"runs": str(runs), "scale": scale}, Path(out)).iloc[0]
        if row.error:
            raise SystemExit(f"{row.chapter} failed: {row.error}")
        times.append(round(row.seconds / 60, 1))
        added.append(len(Store(runs).runs()) - before)
    return times, added


def _in_order(column: pd.Series) -> pd.Series:
    """Chapters by their number, and machines as they come."""
    return column.astype(int) if column.name == "chapter" else pd.Series(pd.factorize(column)[0], column.index)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, help="a new folder for the run store (default: one that is deleted)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="what the machine is called by")
    parser.add_argument("--scale", default="laptop")
    parser.add_argument("--out", type=Path, default=PATH, help="the table")
    parser.add_argument("names", nargs="*", metavar="CHAPTER", help="how names begin, such as 03 (default: all)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = (arguments.runs or Path(folder)).absolute()
        if Store(runs).runs():
            raise SystemExit(f"there are networks in {runs}; the first time can only be measured in an empty store")
        chapters = batch.find(arguments.names)
        first, trained = minutes(chapters, runs, arguments.scale)
        again, _ = minutes(chapters, runs, arguments.scale)
    count = f", {cores()} cores" * (arguments.device == "cpu")
    rows = pd.DataFrame(
        {
            "chapter": [chapter.stem[:2].lstrip("0") for chapter in chapters],
            "networks trained": trained,
            "minutes, first time": first,
            "minutes, again": again,
            "machine": hardware(arguments.device) + count,
        }
    )
    if arguments.out.exists():  # rows of other machines stay, and of chapters that were not asked for
        table = pd.read_csv(arguments.out, dtype={"chapter": str})
        mine, measured = table.machine == rows.machine[0], table.chapter.isin(rows.chapter)
        kept = ~(mine & measured) if arguments.names else ~mine
        rows = pd.concat([table[kept], rows]).sort_values(["machine", "chapter"], key=_in_order, kind="stable")
    rows.to_csv(arguments.out, index=False)
    print(rows.to_string(index=False))


if __name__ == "__main__":
    main()
