import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from transferlab import Lab, datasets, training
from transferlab.engine import inputs
from transferlab.notation import parent_jobs
from transferlab.store.sweeps import COLUMNS, sweep_jobs
from transferlab.system import files, machine


def test_a_run_has_what_the_interface_promises(lab):
    run = lab.run("A3B+", split="random", seed=0)
    assert 0 <= run.accuracy <= 1
    assert list(run.history.columns) == [
        "epoch", "learning_rate", "train_loss", "train_accuracy", "test_accuracy", "seconds",
    ]  # fmt: skip
    assert len(run.history) == lab.recipe.epochs
    assert run.history.test_accuracy.iloc[-1] == run.accuracy
    assert [name for name, _ in run.network().named_children()][0::7] == ["conv1", "fc8"]
    assert {path.name for path in run.path.iterdir()} == {
        "spec.json", "history.csv", "weights.safetensors", "result.json", "checksums.json",
    }  # fmt: skip
    assert repr(run).startswith("<Run A3B+: accuracy 0.")


def test_the_accuracy_is_that_of_the_stored_weights_on_the_held_out_images(lab):
    run, task = lab.run("B2B"), lab.task("B")
    images = inputs.to_input(task.test_images, lab.recipe.precision)
    right = inputs.outputs(run.network(), images, lab.recipe.precision).argmax(1) == torch.as_tensor(task.test_labels)
    assert right.double().mean().item() == run.accuracy


def test_the_same_seed_gives_the_same_network_twice_and_another_seed_another(lab, tmp_path):
    elsewhere = Lab(scale="smoke", runs=tmp_path / "a folder with spaces")
    for name in ("baseB", "A2B+", "R3B"):
        ours, theirs = lab.run(name), elsewhere.run(name)
        assert ours.path.name == theirs.path.name
        assert (ours.path / "weights.safetensors").read_bytes() == (theirs.path / "weights.safetensors").read_bytes()
        pd.testing.assert_frame_equal(ours.history.drop(columns="seconds"), theirs.history.drop(columns="seconds"))
    assert lab.run("baseB", seed=1).path != lab.run("baseB").path


def test_what_is_in_the_store_is_not_trained_again(lab, monkeypatch):
    lab.run("A1B")
    monkeypatch.setattr(training, "train", lambda *args: pytest.fail("trained again"))
    assert Lab(scale="smoke", runs=lab.store.root).run("A1B").accuracy == lab.run("A1B").accuracy


def test_a_run_that_was_cut_off_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    lab = Lab(scale="smoke", runs=tmp_path)

    def stop(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lab.run("baseB", on_epoch=stop)
    assert lab.results().empty
    monkeypatch.setattr("transferlab.store.save_file", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        lab.run("baseB")
    assert lab.results().empty
    assert [path for path in (tmp_path / "networks").iterdir()] == []
    monkeypatch.undo()
    assert lab.run("baseB").accuracy >= 0


@pytest.mark.nightly
def test_killed_in_mid_sweep_it_goes_on_to_the_same_table(lab, tmp_path):
    """kill -9 of the process that sweeps; what was finished is kept, and the second try ends with the same table."""
    script = (
        "import sys\nfrom transferlab import Lab\n"
        "lab = Lab(scale='smoke', runs=sys.argv[1], at_once=2)\n"
        "lab.sweep(layers=(1, 3, 5, 7), conditions=('AnB', 'BnB'))"
    )
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stderr=log)
    done = tmp_path / "networks"
    while len(list(done.glob("[!.]*/result.json"))) < 3:
        assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.05)
    process.kill()
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in done.glob("[!.]*/result.json")}
    arguments = {"layers": (1, 3, 5, 7), "conditions": ("AnB", "BnB")}
    resumed = Lab(scale="smoke", runs=tmp_path, at_once=1).sweep(**arguments)
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    pd.testing.assert_frame_equal(
        resumed.drop(columns="seconds"), lab.sweep(**arguments).drop(columns="seconds"), check_exact=True
    )


def test_a_sweep_is_a_row_a_network_with_its_base(lab):
    table = lab.sweep(conditions=("AnB", "BnB+"), layers=(2, 5), seeds=(0, 1), targets=("A", "B"))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 2 * (2 + 2 * 2 * 2)
    assert set(table.network) == {"baseA", "baseB", "A2B", "A5B", "B2A", "B5A", "B2B+", "B5B+", "A2A+", "A5A+"}
    for row in table.itertuples():
        base = table[(table.network == f"base{row.target}") & (table.seed == row.seed)].accuracy.item()
        assert row.base_accuracy == base
        assert lab.run(row.network, seed=row.seed).accuracy == row.accuracy
    stored = lab.results()
    assert {*map(tuple, table[["network", "seed"]].values)} <= {*map(tuple, stored[["network", "seed"]].values)}
    assert tuple(stored.columns) == COLUMNS


@pytest.mark.parametrize(
    ("name", "instructions", "amx", "expected"),
    [
        ("AMD EPYC", True, False, True),
        ("AMD EPYC", False, False, False),
        ("Intel Xeon", True, False, False),
        ("Intel Xeon", True, True, True),
    ],
)
def test_bfloat16_is_for_processors_that_are_fast_in_it(monkeypatch, name, instructions, amx, expected):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: instructions)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(machine, "hardware", lambda device: name)
    assert machine.prefers_bfloat16("cpu") is expected


def test_the_quota_of_a_container_counts(monkeypatch):
    """Half a core's time on a host of many cores: one process, not one for each core of the host."""
    monkeypatch.setattr("dask.system._try_extract_cgroup_cpu_quota", lambda: (50_000, 100_000))
    assert machine.cores() == 1


def test_a_changed_lab_keeps_what_is_not_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for part in ("train", "val"):
        for name in "abcd":
            (tmp_path / "images" / part / name).mkdir(parents=True)
            Image.new("RGB", (40, 40)).save(tmp_path / "images" / part / name / "0.png")
    lab = Lab(dataset="folder", data_root="~/images", runs="~/runs", scale="smoke", network="resnet18", at_once=1)
    assert lab.store.root == tmp_path / "runs"
    other = lab.changed(random_filters="gaussian")
    assert (other.recipe, other.data.fingerprint) == (
        replace(lab.recipe, random_filters="gaussian"),
        lab.data.fingerprint,
    )
    assert (other.store.root, other.at_once) == (lab.store.root, 1)
    assert lab.changed(scale="laptop").recipe.epochs > lab.recipe.epochs
    assert other.data is lab.data and lab.changed(data={"train_per_class": 4}).data is not lab.data
    assert lab.changed(precision="auto").recipe.precision == lab.recipe.precision


def test_a_lab_finds_the_same_store_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRANSFERLAB_RUNS", raising=False)
    assert files.default_runs() == Path(__file__).parents[1] / "runs"
    monkeypatch.setattr(files, "checkout", lambda: None)  # an installed wheel
    assert files.default_runs().absolute() == tmp_path / "runs"
    monkeypatch.setenv("TRANSFERLAB_RUNS", str(tmp_path / "elsewhere"))
    assert Lab(scale="smoke").store.root == tmp_path / "elsewhere"


def test_parents_come_first():
    plan = sweep_jobs(("AnB+", "random", "BnB"), (7, 1), "random", (3, 4), ("B",))
    for place, job in enumerate(plan):
        for parent in parent_jobs(job):
            assert plan.index(parent) < place
    assert len(plan) == len(set(plan)) == 2 * (2 + 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"conditions": ("CnB",)}, "conditions are .*CnB.*base, BnB"),
        ({"conditions": ()}, "conditions are .*one or more"),
        ({"layers": (0,)}, "layers are .*1, 2, 3"),
        ({"layers": (True,)}, "layers are"),
        ({"targets": "C"}, "targets are .*A, B"),
        ({"seeds": ()}, "seeds are"),
        ({"seeds": (-1,)}, "seed is -1"),
        ({"seeds": ("one",)}, "seed is 'one'"),
        ({"split": "half"}, "no split 'half'"),
    ],
)
def test_a_wrong_sweep_says_so_before_anything_is_trained(lab, arguments, message):
    before = len(lab.results())
    with pytest.raises(ValueError, match=message):
        lab.sweep(**arguments)
    assert len(lab.results()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": "huge"}, "no scale 'huge'; there are smoke, laptop"),
        (
            {"dataset": "mnist"},
            "no data set 'mnist'; there are kingdoms, kingdoms-validation, cifar100",
        ),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"epoch": 3}, "a recipe has no epoch; it has network, size, data, epochs"),
        ({"epochs": 0}, "epochs is 0; it must be a whole number, 1 or more"),
        ({"precision": "int8"}, "precision is 'int8'; it must be one of auto, float32, bfloat16"),
        ({"dataset": "folder", "scale": "smoke"}, "needs data_root"),
    ],
)
def test_a_wrong_lab_says_what_there_is(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Lab(**{"scale": "smoke", "runs": tmp_path, **arguments})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def photographs(tmp_path):
    """Six classes of images of several sizes, modes and formats in the layout of ImageFolder."""
    rng = np.random.default_rng(0)
    root = tmp_path / "photo graphs"
    for part, count in (("train", 5), ("val", 2)):
        for label in range(6):
            folder = root / part / f"class {label}"
            folder.mkdir(parents=True)
            for index in range(count):
                mode, shape = [("RGB", (40, 60, 3)), ("L", (33, 90)), ("RGBA", (70, 31, 4))][index % 3]
                image = Image.fromarray(rng.integers(0, 256, shape, np.uint8), mode=None)
                assert image.mode == mode
                image.save(folder / f"{index}.png")
    return root


def test_a_folder_of_images_is_a_data_set(photographs, tmp_path):
    lab = Lab(dataset="folder", scale="smoke", runs=tmp_path / "runs", data_root=photographs)
    assert lab.data.train_images.shape == (30, 3, 32, 32)
    assert lab.data.test_images.shape == (12, 3, 32, 32)
    assert lab.data.class_names == tuple(f"class {label}" for label in range(6))
    assert math.isfinite(lab.run("A2B").history.train_loss.iloc[-1])
    with pytest.raises(ValueError, match=r"kingdoms\.csv"):
        lab.run("A2B", split="kingdom")
    kinds = ["natural", "man-made"] * 3
    lines = [f"class {label},{kind}\n" for label, kind in enumerate(kinds)]
    (photographs / "kingdoms.csv").write_text("class,kingdom\n" + "".join(lines))
    lab = Lab(dataset="folder", scale="smoke", runs=tmp_path / "runs", data_root=photographs)
    assert lab.task("A", "kingdom").classes.tolist() == [1, 3, 5]


def test_faults_of_a_folder_are_named(photographs, tmp_path):
    broken = photographs / "train" / "class 3" / "0.png"
    broken.write_bytes(broken.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"cannot read the image .*class 3.0\.png"):
        datasets.load("folder", data_root=photographs)
    with pytest.raises(FileNotFoundError, match="train does not exist"):
        datasets.load("folder", data_root=tmp_path)
    with pytest.raises(ValueError, match="does not take these options"):
        datasets.load("kingdoms", sise=32)


def test_validation_images_come_out_of_the_training_set():
    data = datasets.load("kingdoms", train_per_class=6, test_per_class=2)
    held = data.for_validation(4)
    assert len(held.train_labels) == 80 * 4
    assert len(held.test_labels) == 80 * 2
    images = {image.tobytes() for image in data.train_images}
    parts = [{image.tobytes() for image in array} for array in (held.train_images, held.test_images)]
    assert parts[0] | parts[1] == images
    assert not parts[0] & parts[1]
    assert held.fingerprint != data.fingerprint
    with pytest.raises(ValueError, match="more than train_per_class=6"):
        data.for_validation(6)


def test_the_cache_gives_what_was_drawn_and_heals_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_CACHE", str(tmp_path))
    first = datasets.load("kingdoms", train_per_class=2, test_per_class=1)
    (kept,) = tmp_path.glob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:1000])
    assert datasets.load("kingdoms", train_per_class=2, test_per_class=1).fingerprint == first.fingerprint
    assert kept.stat().st_size > 1000


def test_a_changed_recipe_is_kept_apart(lab):
    longer = Lab(scale="smoke", runs=lab.store.root, epochs=3)
    assert len(longer.run("baseB").history) == 3
    assert longer.run("baseB").path != lab.run("baseB").path
    longer.run("A5B")
    rows = lab.results().query("network == 'A5B' and seed == 0 and split == 'random'")
    assert set(rows[rows.epochs == 3].base_accuracy) == {longer.run("baseB").accuracy}


def test_what_is_tuned_for_one_network_changes_it_and_its_children_only(lab):
    tuned = lab.changed(tuned={"A5B": {"learning_rate": 0.03}, "A5B++": {"learning_rate": 0.01, "epochs": 1}})
    same = lab.changed(learning_rate=0.03)
    assert tuned.spec("baseA", "random", 0) == lab.spec("baseA", "random", 0)
    assert tuned.spec("A4B", "random", 0) == lab.spec("A4B", "random", 0)
    assert tuned.spec("A5B", "random", 0)["recipe"] == same.spec("A5B", "random", 0)["recipe"]
    run = tuned.run("A5B++")
    assert run.spec["recipe"]["learning_rate"] == 0.01 and len(run.history) == 1
    assert "tuned" not in run.spec["recipe"]
    assert run.spec["parent"] == tuned.run("A5B").path.name != lab.run("A5B").path.name
    assert "learning_rate" in lab.why("A5B++")


def test_choosing_a_recipe_never_sees_the_test_images(lab):
    options = {"train_per_class": 4, "test_per_class": 2}
    kingdoms, held = (datasets.load(name, **options) for name in ("kingdoms", "kingdoms-validation"))
    assert np.array_equal(np.sort(held.train_labels), np.sort(kingdoms.train_labels))
    reported = datasets.load("kingdoms", train_per_class=1, test_per_class=8).test_images
    reported = {image.tobytes() for image in reported}
    assert not reported & {image.tobytes() for image in (*held.train_images, *held.test_images)}


def test_the_record_says_how_a_network_was_made(lab):
    run = lab.run("A3B")
    spec = json.loads((run.path / "spec.json").read_text())
    assert spec["data"] == lab.data.fingerprint
    assert spec["parent"] == lab.run("baseA").path.name
    assert spec["recipe"]["precision"] in ("float32", "bfloat16")
