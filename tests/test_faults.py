"""Faults, by making them: a kill at any epoch, files that rot, locks whose owner died, losses that are no number."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch

from transferlab import Lab, networks, store, study, training
from transferlab.chapters import figures
from transferlab.engine.checkpoints import Checkpoint, Reached
from transferlab.store import FILES, WEIGHTS, Store, fault
from transferlab.system.files import checksum

NAME = "A3B"


class Killed(BaseException):
    """As good as SIGKILL: nothing in the code catches it."""


def weights(run):
    return (run.path / "weights.safetensors").read_bytes()


def without_seconds(run):
    return run.history.drop(columns="seconds")


# --- stopped in training ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A Lab whose networks nothing stopped."""
    return Lab(scale="smoke", runs=tmp_path_factory.mktemp("whole"), epochs=5)


@pytest.mark.parametrize("name", ["baseB", "B3B+", "R2B"])
@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(undisturbed, tmp_path, name, after):
    whole = undisturbed.run(name)
    lab, seen = Lab(scale="smoke", runs=tmp_path / "stopped", epochs=5), []
    for parent in (whole.treatment.parent,) if whole.treatment.parent else ():
        path = undisturbed.run(parent).path
        shutil.copytree(path, lab.store.root / "networks" / path.name)

    def stop(row):
        seen.append(row["epoch"])
        if row["epoch"] == after and seen.count(after) == 1:
            raise Killed

    with pytest.raises(Killed):
        lab.run(name, on_epoch=stop)
    again = lab.run(name, on_epoch=stop)
    assert seen == [*range(1, after + 1), *range(after + 1, 6)]  # no epoch twice
    assert weights(again) == weights(whole)
    pd.testing.assert_frame_equal(without_seconds(again), without_seconds(whole), check_exact=True)
    assert not list((tmp_path / "stopped" / "checkpoints").iterdir())


def test_dropout_goes_on_with_the_same_numbers(lab, tmp_path):
    """A network that draws units out at random, as that of 2014 does, must draw the same ones after a stop."""
    task = lab.task("B")
    recipe = replace(lab.recipe, epochs=3)

    def train(checkpoint, on_epoch=lambda row: None):
        network = networks.build("mini", len(task.classes), 32, seed=1)
        network.fc7.add_module("drop", torch.nn.Dropout(0.5))
        training.train(network, 2, task, recipe, 5, on_epoch=on_epoch, checkpoint=checkpoint)
        return network.state_dict()

    def stop(row):
        if row["epoch"] == 2:
            raise Killed

    whole, kept = train(None), Checkpoint(tmp_path / "kept")
    with pytest.raises(Killed):
        train(kept, stop)
    again = train(kept)
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "part"])
def test_a_checkpoint_that_is_not_whole_is_not_gone_on_from(tmp_path, damage):
    checkpoint = Checkpoint(tmp_path / "one")
    checkpoint.save(Reached({"a": torch.arange(6.0)}, [{"epoch": 1, "test_accuracy": float("nan")}], 3))
    (path,) = checkpoint.folder.iterdir()
    content = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(content[:-1])
    elif damage == "flip":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.rename(path.with_suffix(".part"))
    assert checkpoint.load() is None
    checkpoint.save(Reached({"a": torch.ones(2)}, [{"epoch": 1}, {"epoch": 2}], 3))
    assert len(list(checkpoint.folder.iterdir())) == 1
    tensors, rows, epochs = checkpoint.load()
    assert tensors["a"].tolist() == [1, 1] and len(rows) == 2 and epochs == 3


@pytest.mark.parametrize(
    "changes",
    [{"momentum": 0}, {"optimizer": "adamw", "learning_rate": 1e-3}, {"optimizer": "adamw", "network": "mini_vit"}],
    ids=["SGD without momentum", "AdamW", "AdamW, a transformer"],
)
def test_with_another_optimizer_a_training_goes_on_as_well(changes, tmp_path):
    whole = Lab(scale="smoke", runs=tmp_path / "whole", epochs=3, **changes).run("baseB")
    lab, seen = Lab(scale="smoke", runs=tmp_path / "stopped", epochs=3, **changes), []

    def stop(row):
        seen.append(row["epoch"])
        if seen == [1]:
            raise Killed

    with pytest.raises(Killed):
        lab.run("baseB", on_epoch=stop)
    assert weights(lab.run("baseB", on_epoch=stop)) == weights(whole) and seen == [1, 2, 3]


# --- rot -------------------------------------------------------------------------------------------------


@pytest.fixture
def rotten(lab, tmp_path):
    """A Lab whose store is a copy, with three networks; gives it and the run that is to rot."""
    for name in ("baseA", "baseB", NAME):
        path = lab.run(name).path
        shutil.copytree(path, tmp_path / "runs" / "networks" / path.name)
    copy = Lab(scale="smoke", runs=tmp_path / "runs")
    return copy, copy.store.find(copy.spec(NAME, "random", 0))


def rot(path, how, other):
    content = path.read_bytes()
    match how:
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case "zeroed":
            path.write_bytes(bytes(len(content)))
        case "flipped":
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
        case "emptied":
            path.write_bytes(b"")
        case "deleted":
            path.unlink()
        case "another run's":
            path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("how", ["truncated", "zeroed", "flipped", "emptied", "deleted", "another run's"])
@pytest.mark.parametrize("name", [*FILES, "checksums.json"])
def test_a_rotten_file_is_noticed_and_named(rotten, name, how):
    lab, run = rotten
    rot(run.path / name, how, lab.run("baseB").path / name)
    assert fault(run.path)
    if name == WEIGHTS and how in ("flipped", "another run's"):  # as long as before: a look does not read them
        assert lab.store.find(lab.spec(NAME, "random", 0))
        (said,) = lab.store.set_aside_damaged()
        assert f"{run.path / WEIGHTS} is not as it was written (its checksum differs); moved to" in said
    else:
        with pytest.warns(UserWarning, match=f"{run.path.name}.*: this network counts as not trained"):
            assert lab.store.find(lab.spec(NAME, "random", 0)) is None
        with pytest.warns(UserWarning, match="counts as not trained"):
            assert set(lab.results().network) == {"baseA", "baseB"}
        assert len(lab.store.set_aside_damaged()) == 1
    assert not lab.store.set_aside_damaged() and set(lab.results().network) == {"baseA", "baseB"}


def test_a_look_at_a_run_does_not_read_its_weights(rotten, monkeypatch):
    lab, run = rotten
    read = []
    monkeypatch.setattr(store, "checksum", lambda path: read.append(path.name) or checksum(path))
    assert lab.store.find(run.spec) and len(lab.store.runs()) == 3 and not set(read) - set(store.SMALL)
    run.network()
    assert WEIGHTS in read


def test_files_of_a_run_are_for_whoever_may_read_its_folder(rotten, monkeypatch):
    """And the process's mask is never touched, which threads would do at the same time."""
    _, run = rotten
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the mask is the whole process's"))
    again = Store(run.path.parents[2] / "other").save(run.spec, [], run.network(), run.result)
    modes = {path.name: path.stat().st_mode & 0o777 for path in again.path.iterdir()}
    assert len(set(modes.values())) == 1, modes


def test_what_is_rotten_is_trained_again(rotten):
    lab, run = rotten
    accuracy, before = run.accuracy, weights(run)
    rot(run.path / "result.json", "flipped", None)
    with pytest.warns(UserWarning, match="counts as not trained"):
        again = lab.run(NAME)
    assert weights(again) == before and again.accuracy == accuracy
    assert len(list((lab.store.root / "damaged").iterdir())) == 1  # nothing is thrown away
    assert set(lab.results().accuracy) == {lab.run(each).accuracy for each in ("baseA", "baseB", NAME)}


def test_a_folder_that_holds_another_run_whole_is_noticed(rotten):
    lab, run = rotten
    base = lab.run("baseB").path
    shutil.rmtree(run.path)
    shutil.copytree(base, run.path)
    with pytest.warns(UserWarning, match=f"holds the files of another run, {base.name}"):
        assert len(lab.results()) == 2


def test_rotten_weights_are_never_loaded(rotten):
    _, run = rotten
    rot(run.path / "weights.safetensors", "flipped", None)
    with pytest.raises(ValueError, match=r"its checksum differs.*ask the Lab for this network again"):
        run.network()
    assert not run.path.exists() and len(list(run.path.parents[1].glob("damaged/*/*/weights.safetensors"))) == 1


@pytest.mark.parametrize("how", ["zeroed", "flipped"])
def test_a_rotten_parent_is_trained_again_before_its_child(rotten, how):
    lab, _ = rotten
    parent = lab.store.find(lab.spec("baseA", "random", 0))
    before = weights(parent)
    rot(parent.path / "weights.safetensors", how, None)
    with pytest.warns(UserWarning, match=r"counts as not trained|trained anew"):
        child = lab.run("A5B")
    assert weights(lab.run("baseA")) == before and child.accuracy >= 0


# --- stores that cannot be written -----------------------------------------------------------------------


def test_what_cannot_be_written_is_one_sentence(rotten, monkeypatch, capsys):
    from transferlab.__main__ import main

    lab, _ = rotten
    blocked = lab.store.root.parent / "a file"
    blocked.write_text("")
    monkeypatch.setattr("sys.argv", ["transferlab", "warm", "--scale", "smoke", "--runs", str(blocked)])
    assert main() == 2
    said = capsys.readouterr().err
    assert f"the run store {blocked} cannot be written" in said and said.count("\n") == 1


def test_a_store_that_cannot_be_written_can_be_read(rotten):
    lab, run = rotten
    for folder in (lab.store.root, lab.store.root / "networks"):
        folder.chmod(0o555)
    try:
        assert lab.run(NAME).accuracy == run.accuracy and len(lab.results()) == 3
        if os.access(lab.store.root, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(OSError, match="cannot be written"):
            lab.run("A7B")
    finally:
        for folder in (lab.store.root, lab.store.root / "networks"):
            folder.chmod(0o755)


def test_a_disk_that_is_full_costs_that_network_and_no_more(rotten, monkeypatch):
    lab, _ = rotten
    before = {path: path.read_bytes() for path in lab.store.root.rglob("*") if path.is_file()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("transferlab.store.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        lab.run("A7B")
    monkeypatch.setattr("transferlab.engine.checkpoints.save", full)
    with pytest.raises(OSError, match="No space left"):
        lab.run("A6B")
    kept = lab.store.root / "checkpoints"
    after = {
        path: path.read_bytes() for path in lab.store.root.rglob("*") if path.is_file() and kept not in path.parents
    }
    assert {path for path in after if path.suffix != ".lock"} == set(before)
    monkeypatch.undo()
    assert lab.run("A7B").accuracy >= 0


# --- locks -----------------------------------------------------------------------------------------------

OWNER = """
import sys, time
from transferlab import Lab
lab = Lab(scale="smoke", runs=sys.argv[1])
with lab.store.claim(lab.spec("baseB", "random", 0)):
    print("claimed", flush=True)
    time.sleep(600)
"""
NO_FLOCK = """
import errno, filelock._unix
def missing(fd):
    raise OSError(errno.ENOSYS, "no flock here")
filelock._unix.lock_fd_nonblocking = missing
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither flock nor SIGKILL")
@pytest.mark.parametrize("system", ["with flock", pytest.param("without flock", marks=pytest.mark.nightly)])
def test_the_lock_of_a_dead_owner_is_taken_over(tmp_path, system):
    first, runs = "" if system == "with flock" else NO_FLOCK, tmp_path / "runs"
    environment = {**os.environ, "TRANSFERLAB_CACHE": str(tmp_path / "images")}  # it has locks as well

    def start(program):
        command = [sys.executable, "-W", "ignore", "-c", first + program, runs]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    lab = Lab(scale="smoke", runs=runs)
    spec = lab.spec("baseB", "random", 0)
    owner = start(OWNER)
    assert owner.stdout.readline() == "claimed\n"
    assert first or lab.store.claimed(spec)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert first or not lab.store.claimed(spec)
    heir = start("import sys\nfrom transferlab import Lab\nLab(scale='smoke', runs=sys.argv[1]).run('baseB')")
    heir.communicate(timeout=120)
    assert lab.store.find(spec)
    assert not list((runs / "locks").iterdir())


def test_what_a_killed_writer_left_is_cleared_away(tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path)
    path = lab.store.path(lab.spec("baseB", "random", 0))
    left = path.parent / f".writing-{path.name}-abc"
    left.mkdir(parents=True)
    (left / "weights.safetensors").write_bytes(b"half")
    lab.run("baseB")
    assert os.listdir(path.parent) == [path.name]


# --- losses ----------------------------------------------------------------------------------------------


def test_a_network_that_diverges_is_said_to_and_is_in_no_mean(tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path, at_once=1, learning_rate=1e30, epochs=4)
    table = lab.sweep(("base", "random"), (1,))
    assert set(table.state) == {"diverged"} and table.accuracy.isna().all()
    assert len(lab.run("baseB").history) < 4  # it stops there
    assert figures.summary(table).empty
    figures.accuracy_over_n(table)
    figures.plt.close("all")


def test_a_network_that_learns_nothing_is_ringed(lab):
    stuck = lab.sweep(("base", "random"), (1, 2)).assign(state=["trained", "trained", "stuck"])
    ax = figures.accuracy_over_n(stuck)
    assert any("1 learned nothing (ringed)" in text.get_text() for text in ax.texts)
    figures.plt.close("all")


def test_outcomes():
    assert training.outcome([{"train_loss": 3.69}, {"train_loss": 3.3}], 40) == "trained"
    assert training.outcome([{"train_loss": 3.69}, {"train_loss": 3.68}], 40) == "stuck"
    assert training.outcome([{"train_loss": 3.69}, {"train_loss": float("inf")}], 40) == "diverged"


def test_the_published_tables_say_what_was_stuck():
    gaussian = study.published("gaussian")
    assert set(gaussian[gaussian.state == "stuck"].n) <= {4, 5, 6, 7} and (gaussian.state == "stuck").any()
    assert set(study.published().state) == {"trained"}


def test_the_record_is_json_that_others_can_read(lab):
    assert json.loads((lab.run("baseB").path / "result.json").read_text())["state"] in ("trained", "stuck")
