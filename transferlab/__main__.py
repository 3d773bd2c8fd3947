"""The command line: `python -m transferlab warm` trains what the chapters show."""

import argparse
import os
import sys

from transferlab.lab import Lab
from transferlab.notation import CONDITIONS
from transferlab.recipes import SCALES


def main() -> int:
    """Run one command; the exit status is 2 for a wrong argument, as argparse has it."""
    parser = argparse.ArgumentParser(prog="python -m transferlab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    warm = commands.add_parser("warm", help="train the networks that the chapters show, or find them")
    warm.add_argument("--scale", choices=SCALES, default=os.environ.get("TRANSFERLAB_SCALE") or "laptop")
    warm.add_argument("--runs", default=os.environ.get("TRANSFERLAB_RUNS") or "runs", help="the run store's folder")
    arguments = parser.parse_args()
    table = Lab(scale=arguments.scale, runs=arguments.runs).sweep(CONDITIONS)
    print(f"{len(table)} networks are in {arguments.runs}, at {arguments.scale} scale")
    return 0


if __name__ == "__main__":
    sys.exit(main())
