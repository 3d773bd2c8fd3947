"""The command line: `warm` trains the networks that the chapters show, `study` those of the published tables; `prepare`
puts data on disk, `plan` estimates the cost of a study, `batch` runs chapters by papermill, `why` says where a network
is or why it is not there, and `status` shows how far a sweep has got. `advise` says where to cut a trained network for
one's own images. For classes, `student` writes the book without its solutions, and `score` runs submitted notebooks and
says what their check cells say.

python -m transferlab COMMAND --help
"""

# Nothing that takes long is imported up here: torch needs seconds, and an interrupt in them must find main's `try`.
import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transferlab.lab import Lab

PATHS = ("out", "data_root")  # arguments in which `~` is the home directory
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main() -> int:
    """Run one command; the exit status is 2 for a wrong argument, as argparse has it, and 130 after an interrupt."""
    from transferlab.system.files import expanded

    arguments = argparse.Namespace()
    try:
        arguments = parser().parse_args()
        for name, path in vars(arguments).items():
            if name in PATHS and path is not None:
                setattr(arguments, name, expanded(f"--{name.replace('_', '-')}", path))
        return arguments.run(arguments)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"python -m transferlab: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"python -m transferlab: interrupted{_kept(arguments)}", file=sys.stderr)
        return INTERRUPTED


def _kept(arguments: argparse.Namespace) -> str:
    """Say what an interrupted command has kept: where the networks are that it has trained, if it trains any."""
    if arguments.__dict__.get("command") in ("advise", "prepare"):
        return "; give the same command again, and it goes on"
    if arguments.__dict__.get("command") not in ("warm", "study"):
        return ""
    from transferlab.system.files import default_runs

    return f"; the networks trained so far are in {arguments.runs or default_runs()}"


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands and their options."""
    from transferlab import study
    from transferlab.engine.recipes import SCALES
    from transferlab.networks import NETWORKS
    from transferlab.networks.pretrained import ARCHITECTURES
    from transferlab.notation import TASKS
    from transferlab.splits import SPLITS

    def options() -> argparse.ArgumentParser:
        return argparse.ArgumentParser(add_help=False)

    whole = argparse.ArgumentParser(
        prog="python -m transferlab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = whole.add_subparsers(dest="command", required=True)

    scale = options()
    scale.add_argument("--scale", choices=SCALES, default=os.environ.get("TRANSFERLAB_SCALE") or "laptop")
    store = options()
    store.add_argument("--runs", help="the run store's folder (default: TRANSFERLAB_RUNS, else runs in the checkout)")
    store.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    pace = options()
    pace.add_argument("--at-once", type=int, metavar="N", help="how many networks to train at a time")
    images = options()
    images.add_argument("--dataset", default="kingdoms", help="kingdoms, emoji, cifar100, imagenet or folder")
    images.add_argument("--data-root", help="the folder of its images")
    images.add_argument("--network", choices=NETWORKS, help="another network than the scale's own")
    sweep = options()
    sweep.add_argument("--split", choices=SPLITS, default="random")
    sweep.add_argument("--seed", type=int, default=0)

    warm = commands.add_parser(
        "warm", parents=[scale, store, pace, images, sweep], help="train the networks that the book shows"
    )
    warm.add_argument("--all", action="store_true", help="every n of every condition: 37 networks instead of 29")
    warm.set_defaults(run=run_warm)

    publish = commands.add_parser(
        "study", parents=[scale, store, pace], help="train the networks of the published studies"
    )
    publish.add_argument(
        "names", nargs="*", metavar="STUDY", help=f"{', '.join((*study.STUDIES, *study.OWN_RATES))} (default: all)"
    )
    publish.add_argument("--out", type=Path, help="the folder of the tables (default: book/results of the checkout)")
    publish.add_argument("--split", help="only this split of the study, such as random")
    publish.add_argument("--seed", type=int, help="only this seed of it")
    publish.add_argument("--replace", action="store_true", help="replace rows that other code, data or recipes made")
    publish.set_defaults(run=run_study)

    decode = commands.add_parser(
        "prepare",
        help="put a data set on disk, ready to be read",
        description="Decode a tree of images (imagenet, folder) once, into arrays on disk; or fetch the designs of the "
        "data set emoji from npm (28 MB), and draw them. What is there already is kept.",
    )
    decode.add_argument("name", choices=("imagenet", "folder", "emoji"))
    decode.add_argument("--data-root", help="the folder with train/<class>/* and val/<class>/*; not for emoji")
    decode.add_argument(
        "--out", type=Path, help="a new folder, or that of a preparation to resume (default for emoji: in the cache)"
    )
    decode.add_argument("--size", type=int, help="side of the images in pixels (default: 256); not for emoji")
    decode.add_argument("--workers", type=int, help="processes (default: one a core); not for emoji")
    decode.set_defaults(run=run_prepare)

    costs = commands.add_parser("plan", parents=[scale, images], help="estimate what a study would cost on a data set")
    costs.add_argument("--study", choices=study.STUDIES, default="networks")
    costs.add_argument(
        "--throughput", default="auto", help="images a second of a full network (default: measured here)"
    )
    costs.set_defaults(run=run_plan)

    chapters = commands.add_parser("batch", help="run chapters by papermill, and render a book from them")
    chapters.add_argument(
        "names", nargs="*", metavar="CHAPTER", help="the beginning of its file name, such as 03 (default: all)"
    )
    chapters.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="parameters")
    chapters.add_argument("--out", type=Path, required=True, help="a new folder for the notebooks and the book")
    chapters.add_argument("--no-book", action="store_true", help="only the notebooks")
    chapters.set_defaults(run=run_batch)

    edition = commands.add_parser("student", help="write the chapters and the book's text without solutions")
    edition.add_argument("--out", type=Path, required=True, help="a new folder (make student also builds the book)")
    edition.set_defaults(run=run_student)

    scores = commands.add_parser("score", help="run submitted notebooks; print a row for each of their exercises")
    scores.add_argument("given", nargs="+", type=Path, metavar="NOTEBOOK", help="a notebook, or a folder of them")
    scores.add_argument("--scale", choices=SCALES, default="smoke", help="(default: smoke)")
    scores.add_argument("--runs", type=Path, help="the run store's folder (default: that of the notebooks)")
    scores.add_argument("--timeout", type=int, default=600, metavar="SECONDS", help="for one cell (default: 600)")
    scores.add_argument("--out", type=Path, metavar="CSV", help="a file for the table, such as scores.csv")
    scores.set_defaults(run=run_score)

    asked = commands.add_parser(
        "why", parents=[scale, store, images, sweep], help="say whether a network is in the store, and if not, why"
    )
    asked.add_argument("name", metavar="NETWORK", help="its name, such as A3B+")
    asked.set_defaults(run=run_why)

    advice = commands.add_parser(
        "advise", help="say which blocks of a trained network to keep for a folder of images", parents=[store, pace]
    )
    advice.add_argument("folder", metavar="FOLDER", help="<class>/*, or train/<class>/* with a val/ if there is one")
    known = f"{', '.join(ARCHITECTURES)}, or timm/NAME where timm is installed"
    advice.add_argument("--network", help=f"a published network: {known} (default: resnet18)")
    advice.add_argument(
        "--weights", default="DEFAULT", help="those of torchvision, or a file: .safetensors, .pth (default: DEFAULT)"
    )
    advice.add_argument("--donor", metavar="RUN", help="instead of it a base of the run store: its folder, or its name")
    advice.add_argument("--quick", action="store_true", help="only probe every cut, and train nothing")
    advice.add_argument("--out", type=Path, help="a folder for the page and the data (default: FOLDER-advice, here)")
    advice.set_defaults(run=run_advise)

    far = commands.add_parser(
        "status", parents=[scale, store, pace, images, sweep], help="show how far a sweep has got"
    )
    far.add_argument("--target", choices=TASKS, default="B")
    far.add_argument(
        "--verify", action="store_true", help="first compare every file of the run store with its checksum"
    )
    far.set_defaults(run=run_status)
    return whole


def _lab(arguments: argparse.Namespace, **changes) -> "Lab":
    """Open the Lab that a command's options ask for."""
    from transferlab.lab import Lab

    names = ("dataset", "data_root", "scale", "runs", "device", "at_once")
    given = {name: value for name, value in vars(arguments).items() if name in names}
    return Lab(**given, **{**_network(arguments), **changes})


def _network(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the change to the recipe that --network asks for."""
    name = arguments.__dict__.get("network")
    return {"network": name} if name else {}


def run_why(arguments: argparse.Namespace) -> int:
    """Print why a network is in the store or not."""
    print(_lab(arguments).why(arguments.name, arguments.split, arguments.seed))
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    """Print a sweep as a grid, and how long the rest of it will take."""
    from transferlab.store.status import UNFINISHED

    lab = _lab(arguments)
    if arguments.verify:
        damaged = lab.store.set_aside_damaged()
        print("\n".join(damaged) or f"Every file in {lab.store.root} is as it was written.")
    grid = lab.status(arguments.split, arguments.seed, arguments.target)
    print(grid.to_string())
    left = int(grid.isin(UNFINISHED).sum().sum())
    done = lab.results().query("scale == @lab.scale and dataset == @lab.data.name").seconds
    if left and len(done):
        each, at_once = done.mean(), lab.networks_at_once()
        minutes = left * each / at_once / 60
        print(f"{left} left, about {minutes:.0f} minutes at {each:.0f} s a network, {at_once} at a time")
    elif left:
        print(f"{left} left")
    return 0


def run_warm(arguments: argparse.Namespace) -> int:
    """Train or find the networks that the chapters show."""
    from transferlab.chapters import living
    from transferlab.notation import DEPTHS
    from transferlab.store.sweeps import FEW_LAYERS, shown_jobs

    lab = _lab(arguments)
    few = DEPTHS if arguments.all else FEW_LAYERS
    jobs = shown_jobs(few_layers=few, split=arguments.split, seeds=[arguments.seed])
    if (arguments.dataset, arguments.network, arguments.split, arguments.seed) == ("kingdoms", None, "random", 0):
        jobs = list(dict.fromkeys([*jobs, *living.jobs()]))  # the page "The living network" shows these
    table = lab.train(jobs)
    print(f"{len(table)} networks are in {lab.store.root}, at {arguments.scale} scale")
    return 0


def run_study(arguments: argparse.Namespace) -> int:
    """Make the published tables, or resume making them."""
    from transferlab import study
    from transferlab.system.files import checkout

    known = [*study.STUDIES, *study.OWN_RATES]
    unknown = sorted({*arguments.names} - {*known})
    if unknown:
        raise ValueError(f"no study {', '.join(unknown)}; there are {', '.join(known)}")
    if not (arguments.out or checkout()):
        raise ValueError("there is no checkout of the repository here to write tables into; give a folder with --out")
    some = arguments.split or arguments.seed is not None or arguments.replace
    names = arguments.names or ([*study.STUDIES] if some else known)
    whole = [name for name in names if name not in study.STUDIES]
    if whole and some:
        raise ValueError(f"{' and '.join(whole)} have one table for all splits and seeds, and no row of it is replaced")
    out = arguments.out or study.RESULTS
    options = {name: getattr(arguments, name) for name in ("scale", "runs", "device", "at_once")}
    for name in names:
        path = out / f"{name}.csv"
        if name in study.OWN_RATES:
            plan, train = _own_study(name, out)
            print(plan(path))
            table = train(path, **options)
        else:
            part = study.STUDIES[name].only(arguments.split, arguments.seed)
            lab = _lab(arguments, dataset=part.dataset, precision=study.PRECISION, **part.changes)
            table = study.publish(lab, path, part, arguments.replace)
        print(f"{len(table)} {study.COMPUTED.get(name, 'networks')} are in {path}")
    return 0


def _own_study(name: str, out: Path) -> tuple[Callable, Callable]:
    """Return what says the plan of one of OWN_RATES, and what makes its table, in the folder `out`."""
    from transferlab.study import basins, cut_forecasts, few_images, forecasts, shapes, tuning

    if name in ("few_images", "few_images_emoji"):
        donor = few_images.FAR if name == "few_images_emoji" else tuning.KINGDOMS
        tried = tuning.read(out / "tuning.csv")
        return partial(few_images.plan, donor=donor), partial(few_images.train, tried=tried, donor=donor)
    if name in shapes.SEARCHES:
        return shapes.plan, partial(shapes.train, tried=shapes.read_tried(out / f"{shapes.tuning_table(name)}.csv"))
    if name in shapes.TUNED:
        return shapes.plan, shapes.tune
    known: dict[str, tuple[Callable, Callable]] = {
        "tuning": (tuning.plan, tuning.tune),
        "advice": (forecasts.plan, forecasts.forecast),
        "advice_emoji": (
            partial(forecasts.plan, donor=few_images.FAR),
            partial(forecasts.forecast, donor=few_images.FAR),
        ),
        "basins": (basins.plan, basins.compare),
        "cut_forecasts": (cut_forecasts.plan, cut_forecasts.forecast),
    }
    return known[name]


def run_prepare(arguments: argparse.Namespace) -> int:
    """Put a data set on disk; the exit status is 1 if some images could not be read, or designs not be drawn."""
    if arguments.name == "emoji":
        return _prepare_emoji(arguments)
    if not arguments.data_root or not arguments.out:
        raise ValueError(f"prepare {arguments.name} needs --data-root, the images, and --out, a folder for the arrays")
    from transferlab.datasets.prepare import prepare
    from transferlab.system.machine import cores

    workers = cores() if arguments.workers is None else arguments.workers
    size = 256 if arguments.size is None else arguments.size
    if size < 1 or workers < 1:
        raise ValueError(f"--size is {size} and --workers {workers}; both must be 1 or more")
    unreadable = prepare(arguments.name, arguments.data_root, arguments.out, size, workers)
    if unreadable:
        print(f"{len(unreadable)} images could not be read and are left out: {', '.join(unreadable[:5])}"
              f"{' ...' * (len(unreadable) > 5)} (all in {arguments.out / 'unreadable.txt'})")  # fmt: skip
    print(f"{arguments.out} is ready: give it as data_root to the data set {arguments.name}")
    return 1 if unreadable else 0


def _prepare_emoji(arguments: argparse.Namespace) -> int:
    given = [name for name in ("data_root", "size", "workers") if getattr(arguments, name) is not None]
    if given:
        raise ValueError(f"prepare emoji takes --out alone, and no --{given[0].replace('_', '-')}")
    from transferlab.datasets.emoji.prepare import prepare
    from transferlab.datasets.emoji.prepared import default_folder

    folder = arguments.out or default_folder()
    left_out = prepare(folder)
    if left_out:
        print(f"{len(left_out)} designs could not be drawn and are left out: {', '.join(left_out)}")
    told = "give it as data_root to the data set emoji" if arguments.out else "the data set emoji is read from it"
    print(f"{folder} is ready: {told}")
    return 1 if left_out else 0


def run_plan(arguments: argparse.Namespace) -> int:
    """Print an estimate of a study's cost."""
    import torch

    from transferlab.engine import speed
    from transferlab.engine.recipes import recipe_for
    from transferlab.study import STUDIES, cost
    from transferlab.system.machine import hardware, one_thread

    device = "cuda" if torch.cuda.is_available() else "cpu"
    study = STUDIES[arguments.study]
    dataset = study.dataset if arguments.dataset == "kingdoms" else arguments.dataset
    recipe = recipe_for(arguments.scale, dataset, **{**study.changes, **_network(arguments)}).on(device)
    where = "as given"
    if arguments.throughput != "auto":
        throughput = float(arguments.throughput)
    else:
        classes = cost.size_of(dataset, recipe, arguments.data_root)[2]
        with one_thread(device):
            throughput = speed.throughput(recipe, classes // 2, device)
        where = f"measured on {hardware(device)}{', one core' * (device == 'cpu')}"
    costs = cost.of_study(dataset, recipe, study, throughput, arguments.data_root)
    print(f"{dataset} at {arguments.scale} scale, {throughput:,.0f} images/s {where}\n{costs}")
    return 0


def run_advise(arguments: argparse.Namespace) -> int:
    """Print where to cut, the sentence first, and write the page."""
    from transferlab.advice import advise, layout
    from transferlab.chapters import advice_page
    from transferlab.system.files import expanded

    folder = expanded("FOLDER", arguments.folder)
    layout(folder)
    out = arguments.out or Path(f"{folder.resolve().name}-advice")
    advice_page.check_out(out)
    names = ("network", "weights", "donor", "quick", "runs", "device", "at_once")
    options = {name: getattr(arguments, name) for name in names}
    advice = advise(folder, **options, say=lambda line: print(line, file=sys.stderr))
    tables = [advice_page.cuts_table(advice)]
    if len(advice.ways):
        tables.append(advice_page.ways_table(advice))
    print(advice.sentence)
    for table in tables:
        print(f"\n{table.to_string(index=False)}")
    print(f"\nThe page: {advice_page.write(advice, out)}")
    return 0


def run_batch(arguments: argparse.Namespace) -> int:
    """Run chapters; the exit status is 1 if one of them failed."""
    from transferlab.chapters import batch

    rows = batch.run(batch.find(arguments.names), batch.parse(arguments.parameters), arguments.out)
    if not arguments.no_book:
        print(f"The book: {batch.render(arguments.out)}")
    failed = rows[rows.error != ""]
    if len(failed):
        print(f"\n{len(failed)} of {len(rows)} chapters failed:\n{failed.to_string(index=False)}", file=sys.stderr)
    return 1 if len(failed) else 0


def run_student(arguments: argparse.Namespace) -> int:
    """Write the student edition's chapters, and what its book is built from."""
    from transferlab.chapters import classroom

    written = classroom.student_edition(arguments.out)
    print(f"{len(written)} chapters without solutions are in {arguments.out / 'notebooks'}")
    return 0


def run_score(arguments: argparse.Namespace) -> int:
    """Score submitted notebooks; the exit status is 1 if one of them did not run to its end."""
    import pandas as pd

    from transferlab.chapters import classroom

    out = arguments.out
    if out and (out.suffix != ".csv" or not out.parent.is_dir()):
        raise ValueError(f"--out is {out}; it must be a file that ends with .csv, in a folder that exists")
    tables = []
    for table in classroom.score(arguments.given, arguments.scale, arguments.runs, arguments.timeout):
        tables.append(table)
        checked = table[table.result != classroom.BY_HAND]
        print(f"{table.notebook[0]}: {sum(checked.result == 'right')} of {len(checked)} checked exercises are right")
        print(table.drop(columns="notebook").to_string(index=False), end="\n\n", flush=True)
        if table.attrs["stopped"]:
            print(f"{table.notebook[0]} {table.attrs['stopped']}", file=sys.stderr)
        if out:  # after each notebook: what was scored is kept if this is interrupted
            pd.concat(tables).to_csv(out, index=False)
    return int(any(table.attrs["stopped"] for table in tables))


def _in_utf8() -> None:
    """Start this command anew in Python's UTF-8 mode where the locale has only ASCII.

    There, with the two ways out of it that Python takes by itself switched off (PYTHONUTF8, PYTHONCOERCECLOCALE), names
    of files are read, and written, as what they are not.
    """
    if sys.getfilesystemencoding() not in ("utf-8", "utf8"):
        os.execve(  # noqa: S606 - this very program
            sys.executable,
            [sys.executable, "-X", "utf8", *sys.orig_argv[1:]],
            {**os.environ, "PYTHONUTF8": "1"},
        )


if __name__ == "__main__":
    _in_utf8()
    sys.exit(main())
