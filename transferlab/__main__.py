"""The command line: `python -m transferlab warm` trains what the chapters show, `study` what the book publishes."""

import argparse
import os
import sys
from pathlib import Path

from transferlab import study
from transferlab.lab import Lab
from transferlab.notation import CONDITIONS
from transferlab.recipes import SCALES


def main() -> int:
    """Run one command; the exit status is 2 for a wrong argument, as argparse has it."""
    parser = argparse.ArgumentParser(prog="python -m transferlab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--scale", choices=SCALES, default=os.environ.get("TRANSFERLAB_SCALE") or "laptop")
    shared.add_argument("--runs", default=os.environ.get("TRANSFERLAB_RUNS") or "runs", help="the run store's folder")
    shared.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    commands.add_parser("warm", parents=[shared], help="train the networks that the chapters show, or find them")
    publish = commands.add_parser("study", parents=[shared], help="train the networks of the published studies")
    publish.add_argument("names", nargs="*", metavar="STUDY", help=f"{', '.join(study.STUDIES)} (default: all)")
    publish.add_argument("--out", type=Path, default=study.RESULTS, help="the folder of the tables of results")
    publish.add_argument("--split", help="only this split of the study, such as random")
    publish.add_argument("--seed", type=int, help="only this seed of it")
    publish.add_argument("--replace", action="store_true", help="replace rows that other code, data or recipes made")
    arguments = parser.parse_args()
    options = {"scale": arguments.scale, "runs": arguments.runs, "device": arguments.device}
    if arguments.command == "warm":
        table = Lab(**options).sweep(CONDITIONS)
        print(f"{len(table)} networks are in {arguments.runs}, at {arguments.scale} scale")
        return 0
    unknown = sorted({*arguments.names} - {*study.STUDIES})
    if unknown:
        parser.error(f"no study {', '.join(unknown)}; there are {', '.join(study.STUDIES)}")
    for name in arguments.names or study.STUDIES:
        path = arguments.out / f"{name}.csv"
        try:
            part = study.STUDIES[name].only(arguments.split, arguments.seed)
            lab = Lab(**options, **part.changes)
            table = study.publish(lab, path, part, arguments.replace)
        except ValueError as error:
            parser.error(str(error))
        print(f"{len(table)} networks are in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
