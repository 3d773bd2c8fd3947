"""One run store, several users at once."""

import os
import subprocess
import sys
import time
from collections import Counter

import pandas as pd
import psutil
import pytest

SWEEP = """
import sys
import transferlab.lab
from transferlab import Lab

runs, log, table = sys.argv[1:]
make = transferlab.lab.make


def noted(experiment, *rest):
    with open(log, "a") as file:
        file.write(f"{experiment.treatment}\\n")
    return make(experiment, *rest)


transferlab.lab.make = noted
lab = Lab(scale="smoke", runs=runs, device="cpu", at_once=1)
lab.sweep(("base", "AnB", "BnB", "random"), (1, 4, 7)).to_csv(table, index=False)
"""


PROCESSES = int(os.environ.get("TRANSFERLAB_PROCESSES", "2"))


def test_sweeps_on_one_store_train_every_network_once(tmp_path):
    runs, log, tables = tmp_path / "runs", tmp_path / "log", [tmp_path / f"{n}.csv" for n in range(PROCESSES)]
    programs = [subprocess.Popen([sys.executable, "-c", SWEEP, runs, log, table]) for table in tables]
    assert not any([program.wait(300) for program in programs])
    trained = Counter(log.read_text().split())
    assert set(trained.values()) == {1} and len(trained) == 2 + 3 * 3
    one, *others = map(pd.read_csv, tables)
    for other in others:
        pd.testing.assert_frame_equal(one, other)
    assert not list((runs / "locks").iterdir())


LONG = "import sys; from transferlab import Lab; Lab(scale='smoke', runs=sys.argv[1], device='cpu', epochs=200).sweep()"


@pytest.mark.nightly
def test_the_processes_of_a_sweep_leave_when_it_is_killed(tmp_path):
    program = subprocess.Popen([sys.executable, "-c", LONG, tmp_path / "runs"], stderr=subprocess.DEVNULL)
    locks, until = tmp_path / "runs" / "locks", time.monotonic() + 120
    while not any(locks.glob("*.lock")):  # until a worker trains
        assert program.poll() is None and time.monotonic() < until
        time.sleep(0.1)
    others = psutil.Process(program.pid).children(recursive=True)
    assert len(others) >= 2
    program.kill()
    program.wait(60)
    _, alive = psutil.wait_procs(others, timeout=20)
    assert not alive
