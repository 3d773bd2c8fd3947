"""The command line: `warm` trains what the chapters show, `study` what the book publishes, `prepare` decodes images,
`plan` says what a study would cost, `batch` runs chapters by papermill, `why` says where a network is or why it is not,
and `status` how far a sweep is.

python -m transferlab COMMAND --help
"""

import argparse
import os
import sys
from pathlib import Path

import torch

from transferlab import study
from transferlab.chapters import batch
from transferlab.datasets.prepare import prepare
from transferlab.engine import speed
from transferlab.engine.recipes import SCALES, recipe_for
from transferlab.lab import Lab
from transferlab.notation import CONDITIONS, TASKS
from transferlab.splits import SPLITS
from transferlab.store.status import UNFINISHED
from transferlab.study import cost
from transferlab.system.files import checkout
from transferlab.system.machine import cores, hardware, one_thread


def main() -> int:
    """Run one command; the exit status is 2 for a wrong argument, as argparse has it."""
    arguments = parser().parse_args()
    try:
        return arguments.run(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"python -m transferlab: error: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    whole = argparse.ArgumentParser(
        prog="python -m transferlab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--scale", choices=SCALES, default=os.environ.get("TRANSFERLAB_SCALE") or "laptop")
    shared.add_argument("--runs", default=os.environ.get("TRANSFERLAB_RUNS") or "runs", help="the run store's folder")
    shared.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")

    warm = commands.add_parser("warm", parents=[shared], help="train the networks that the chapters show, or find them")
    warm.set_defaults(run=run_warm)

    publish = commands.add_parser("study", parents=[shared], help="train the networks of the published studies")
    publish.add_argument("names", nargs="*", metavar="STUDY", help=f"{', '.join(study.STUDIES)} (default: all)")
    publish.add_argument("--out", type=Path, help="the folder of the tables (default: book/results of the checkout)")
    publish.add_argument("--split", help="only this split of the study, such as random")
    publish.add_argument("--seed", type=int, help="only this seed of it")
    publish.add_argument("--replace", action="store_true", help="replace rows that other code, data or recipes made")
    publish.set_defaults(run=run_study)

    decode = commands.add_parser("prepare", help="decode a tree of images once, into arrays that training maps")
    decode.add_argument("name", choices=("imagenet", "folder"))
    decode.add_argument("--data-root", required=True, help="the folder with train/<class>/* and val/<class>/*")
    decode.add_argument("--out", type=Path, required=True, help="a new folder, or one of a preparation to go on with")
    decode.add_argument("--size", type=int, default=256, help="pixels of a side (default: 256)")
    decode.add_argument("--workers", type=int, default=cores(), help="processes (default: one a core)")
    decode.set_defaults(run=run_prepare)

    costs = commands.add_parser("plan", help="what a study would cost on a data set, before it is run")
    costs.add_argument("--dataset", default="kingdoms", help="kingdoms, cifar100 or imagenet; it need not be here")
    costs.add_argument("--scale", choices=SCALES, default="laptop")
    costs.add_argument("--study", choices=study.STUDIES, default="networks")
    costs.add_argument(
        "--throughput", default="auto", help="images a second of a full network (default: measured here)"
    )
    costs.set_defaults(run=run_plan)

    chapters = commands.add_parser("batch", help="run chapters by papermill, and make a book of what they gave")
    chapters.add_argument("names", nargs="*", metavar="CHAPTER", help="how names begin, such as 03 (default: all)")
    chapters.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters")
    chapters.add_argument("--out", type=Path, required=True, help="a new folder for the notebooks and the book")
    chapters.add_argument("--no-book", action="store_true", help="only the notebooks")
    chapters.set_defaults(run=run_batch)

    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("--dataset", default="kingdoms")
    which.add_argument("--data-root", help="where its images are")
    which.add_argument("--split", choices=SPLITS, default="random")
    which.add_argument("--seed", type=int, default=0)
    asked = commands.add_parser("why", parents=[shared, which], help="is a network there, and if not, why not")
    asked.add_argument("network", help="its name, such as A3B+")
    asked.set_defaults(run=run_why)
    far = commands.add_parser("status", parents=[shared, which], help="how far a sweep is")
    far.add_argument("--target", choices=TASKS, default="B")
    far.set_defaults(run=run_status)
    return whole


def _lab(arguments: argparse.Namespace, **changes) -> Lab:
    """The Lab that a command's options ask for, as far as it has such options."""
    names = ("dataset", "data_root", "scale", "runs", "device")
    return Lab(**{name: value for name, value in vars(arguments).items() if name in names}, **changes)


def run_why(arguments: argparse.Namespace) -> int:
    """Say why a network is there or not."""
    print(_lab(arguments).why(arguments.network, arguments.split, arguments.seed))
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    """Print a sweep as a grid, and how long the rest of it takes."""
    lab = _lab(arguments)
    grid = lab.status(arguments.split, arguments.seed, arguments.target)
    print(grid.to_string())
    left = int(grid.isin(UNFINISHED).sum().sum())
    done = lab.results().query("scale == @lab.scale and dataset == @lab.data.name").seconds
    if left and len(done):
        print(f"{left} left, about {left * done.mean() / cores() / 60:.0f} minutes at {done.mean():.0f} s a network")
    elif left:
        print(f"{left} left")
    return 0


def run_warm(arguments: argparse.Namespace) -> int:
    """Train or find the networks that the chapters show."""
    table = _lab(arguments).sweep(CONDITIONS)
    print(f"{len(table)} networks are in {arguments.runs}, at {arguments.scale} scale")
    return 0


def run_study(arguments: argparse.Namespace) -> int:
    """Make or go on with the published tables."""
    unknown = sorted({*arguments.names} - {*study.STUDIES})
    if unknown:
        raise ValueError(f"no study {', '.join(unknown)}; there are {', '.join(study.STUDIES)}")
    if not (arguments.out or checkout()):
        raise ValueError("there is no checkout of the repository here to write tables into; give a folder with --out")
    out = arguments.out or study.RESULTS
    for name in arguments.names or study.STUDIES:
        path = out / f"{name}.csv"
        part = study.STUDIES[name].only(arguments.split, arguments.seed)
        table = study.publish(_lab(arguments, precision=study.PRECISION, **part.changes), path, part, arguments.replace)
        print(f"{len(table)} networks are in {path}")
    return 0


def run_prepare(arguments: argparse.Namespace) -> int:
    """Decode images; the exit status is 1 if some could not be read."""
    if arguments.size < 1 or arguments.workers < 1:
        raise ValueError(f"--size is {arguments.size} and --workers {arguments.workers}; both must be 1 or more")
    unreadable = prepare(arguments.name, arguments.data_root, arguments.out, arguments.size, arguments.workers)
    if unreadable:
        print(f"{len(unreadable)} images could not be read and are left out: {', '.join(unreadable[:5])}"
              f"{' ...' * (len(unreadable) > 5)} (all in {arguments.out / 'unreadable.txt'})")  # fmt: skip
    print(f"{arguments.out} is ready: give it as data_root to the data set {arguments.name}")
    return 1 if unreadable else 0


def run_plan(arguments: argparse.Namespace) -> int:
    """Print a cost."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    recipe = recipe_for(arguments.scale).on(device)
    where = "as given"
    if arguments.throughput != "auto":
        throughput = float(arguments.throughput)
    else:
        with one_thread(device):
            throughput = speed.throughput(recipe, cost.size_of(arguments.dataset, recipe)[2] // 2, device)
        where = f"measured on {hardware(device)}{', one core' * (device == 'cpu')}"
    costs = cost.of_study(arguments.dataset, recipe, study.STUDIES[arguments.study], throughput)
    print(f"{arguments.dataset} at {arguments.scale} scale, {throughput:,.0f} images/s {where}\n{costs}")
    return 0


def run_batch(arguments: argparse.Namespace) -> int:
    """Run chapters; the exit status is 1 if one of them failed."""
    rows = batch.run(batch.find(arguments.names), batch.parse(arguments.parameters), arguments.out)
    if not arguments.no_book:
        print(f"The book: {batch.render(arguments.out)}")
    failed = rows[rows.error != ""]
    if len(failed):
        print(f"\n{len(failed)} of {len(rows)} chapters failed:\n{failed.to_string(index=False)}", file=sys.stderr)
    return 1 if len(failed) else 0


if __name__ == "__main__":
    sys.exit(main())
