"""Killed at random moments, again and again: what was finished stays, and the end is the same as without a kill.

TRANSFERLAB_KILLS says how often (`make torture`: 200); the moments are drawn from TRANSFERLAB_SEED. Each test prints
what it tried.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from formats import BUILD, write_book
from PIL import Image

from transferlab import Lab, datasets

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to kill"),
]
KILLS = int(os.environ.get("TRANSFERLAB_KILLS", "5"))
MOMENTS = random.Random(int(os.environ.get("TRANSFERLAB_SEED", "0")))

SWEEP = """
import sys
import transferlab.lab
from transferlab import Lab

runs, log, epochs, table = sys.argv[1:]
really = transferlab.lab.training.train


def train(network, frozen, task, recipe, order, device, on_epoch, mean, kept, copied):
    def note(row):
        with open(log, "a") as file:
            file.write(f"{kept.folder.name} {row['epoch']}\\n")
        on_epoch(row)
    return really(network, frozen, task, recipe, order, device, note, mean, kept, copied)


transferlab.lab.training.train = train
print("ready", flush=True)
lab = Lab(scale="smoke", runs=runs, device="cpu", at_once=1, epochs=int(epochs))  # here, where the kill comes
lab.sweep(("base", "AnB", "BnB+", "random"), (1, 4, 7)).drop(columns="seconds").to_csv(table, index=False)
"""


def killed(command, times, longest, **options):
    """Run a command again and again, killed with all its children after a random time, at last to its end.

    Gives how often it was killed: fewer than `times` if it came to its end before.
    """
    for kill in range(times):
        program = subprocess.Popen(command, start_new_session=True, **options)
        try:
            if options.get("stdout") == subprocess.PIPE:
                program.stdout.readline()  # it has begun
            time.sleep(MOMENTS.uniform(0, longest))
            if program.poll() is not None:
                assert program.returncode == 0
                return kill
        finally:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
            program.communicate()
    subprocess.run(command, check=True, capture_output=True)
    return times


def test_a_sweep(tmp_path, capsys):
    epochs = max(4, KILLS // 4)
    whole = Lab(scale="smoke", runs=tmp_path / "whole", device="cpu", epochs=epochs)
    expected = whole.sweep(("base", "AnB", "BnB+", "random"), (1, 4, 7)).drop(columns="seconds")
    runs, log, table = (tmp_path / name for name in ("runs", "log", "table.csv"))
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-c", SWEEP, runs, log, str(epochs), table]
    kills = killed(command, max(1, KILLS * 5 // 8), 2.5, **quiet)
    pd.testing.assert_frame_equal(pd.read_csv(table), expected, check_exact=True)
    for run in whole.store.runs():  # to the last bit
        same = runs / "networks" / run.path.name / "weights.safetensors"
        assert same.read_bytes() == (run.path / "weights.safetensors").read_bytes()
    trained = Counter(log.read_text().split("\n")[:-1])
    again = sum(trained.values()) - len(trained)
    done = len(expected) * epochs  # an epoch may be kept and the kill come before it is noted
    assert done - kills <= len(trained) <= done and again <= kills
    left = [path for path in runs.rglob("*") if path.is_file() and path.parents[1].name != "networks"]
    whole_now = set(os.listdir(runs / "networks"))
    assert {path.stem if path.suffix == ".lock" else path.parent.name for path in left} <= whole_now
    assert not list((runs / "networks").glob(".*"))
    with capsys.disabled():
        print(f"\na sweep of {len(expected)} networks: {kills} kills, {again} of {len(trained)} epochs done twice")


def test_a_preparation(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("val", 20)):
        for name in ("a", "b"):
            (tmp_path / "tree" / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (150, 150, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "tree" / part / name / f"{index}.jpg")
    command = [sys.executable, "-m", "transferlab", "prepare", "folder", "--size", "64", "--workers", "2"]
    command += ["--data-root", tmp_path / "tree", "--out"]
    subprocess.run([*command, tmp_path / "whole"], check=True, capture_output=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    kills = rounds = 0
    while kills < max(1, KILLS // 4):
        out, rounds = tmp_path / f"stopped {rounds}", rounds + 1
        kills += killed([*command, out], KILLS // 4 or 1, 4, **quiet)
        one, other = (datasets.load("folder", data_root=folder, size=64) for folder in (tmp_path / "whole", out))
        assert one.fingerprint == other.fingerprint
        assert sorted(os.listdir(tmp_path / "whole")) == sorted(os.listdir(out))
    with capsys.disabled():
        print(f"\n{rounds} preparations of 160 images: {kills} kills")


def plain(page):
    """A page without the versions of the styles and scripts that it names."""
    return re.sub(r"\?(v|digest)=\w+", "", page.read_text(encoding="utf-8"))


def test_a_rendering(tmp_path, capsys):
    write_book(tmp_path)
    command = [*BUILD, "--all", tmp_path]
    subprocess.run(command, check=True, capture_output=True)
    page = tmp_path / "_build" / "html" / "notebooks" / "chapter.html"
    whole = plain(page)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    kills = 0
    while kills < max(1, KILLS // 8):
        kills += killed(command, KILLS // 8 or 1, 4, **quiet)
        assert plain(page) == whole
    with capsys.disabled():
        print(f"\nrenderings: {kills} kills")
