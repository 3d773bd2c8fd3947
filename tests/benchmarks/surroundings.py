"""What surrounds training, against its goals: drawing images, importing, finding and listing runs, building the book.

    python tests/benchmarks/surroundings.py          about 2 minutes on 2 cores; writes book/results/surroundings.csv
    python tests/benchmarks/surroundings.py --book   and about 10 minutes for the book, in a clone of the last commit

A row each: the median over the repetitions, the lowest, the highest, the goal, and whether the median meets it.
The goals are for 2 cores. The store in which 1,000 runs are listed is made here; its files are in the page cache.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch

from transferlab import Lab, Treatment
from transferlab.datasets import kingdoms
from transferlab.lab import cores, hardware

ROOT = Path(__file__).parents[2]
PER_CLASS = 400  # of 80 classes: 32,000 images
RUNS = 1000
SEEDED = ("baseB", "B3B", "A3B", "R3B+"[:-1], "A5B+")
IMPORTS = {"torch": "import torch", "transferlab": "import transferlab", "Lab": "from transferlab import Lab"}
TIMED = "from time import perf_counter\nstart = perf_counter()\n{}\nprint(perf_counter() - start)"
