"""Input that makes no sense: one clear error that names it, exit status 2, and nothing written. By hypothesis."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from transferlab import Lab, Treatment, datasets, splits
from transferlab.__main__ import main
from transferlab.chapters import PARAMETERS, open_lab
from transferlab.engine.recipes import SCALES, Recipe
from transferlab.store.sweeps import sweep_jobs

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.just(2**70),
    st.just("💥\u202e\n"),
    st.just("\0"),
)
ANYTHING = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=5), SCALARS, max_size=2))
MANY = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def clear(error):
    """One sentence, and not a bare code or number."""
    said = str(error.value)
    assert " " in said.strip() and len(said) < 2000, said
    return said


@MANY
@given(ANYTHING)
def test_any_name_of_a_network(value):
    try:
        Treatment.parse(value)
    except ValueError as error:
        assert repr(value) in str(error) and "allowed are baseA" in str(error)


@MANY
@given(ANYTHING, st.sampled_from(["conditions", "layers", "seeds", "targets"]))
def test_any_axis_of_a_sweep(lab, value, axis):
    grid = {"conditions": ("base",), "layers": (1,), "split": "random", "seeds": (0,), "targets": ("B",), axis: value}
    try:
        for job in sweep_jobs(**grid):
            lab.spec(*job)
    except ValueError as error:
        assert axis[:4] in str(error) or "no such" in str(error)


@MANY
@given(ANYTHING, st.sampled_from(["network", "split", "seed"]))
def test_any_argument_of_a_run(lab, value, name):
    arguments = {"network": "baseB", "split": "random", "seed": 0, name: value}
    try:
        lab.spec(**arguments)
    except ValueError as error:
        assert repr(value) in str(error)


@MANY
@given(ANYTHING, st.sampled_from(sorted(Recipe.__dataclass_fields__)))
def test_any_field_of_a_recipe(value, name):
    try:
        recipe = Recipe(**{name: value})
    except ValueError as error:
        assert name in str(error) and repr(value) in str(error)
    else:
        json.dumps(recipe.record(Treatment.parse("A3B")), allow_nan=False)  # a value that was taken can be filed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0}, "learning_rate is 0; it must be a number above 0"),
        ({"learning_rate": math.nan}, "learning_rate is nan; it must be a number above 0"),
        ({"momentum": 1.0}, "momentum is 1.0; it must be a number from 0 to below 1"),
        ({"warmup": -0.1}, "warmup is -0.1; it must be a number from 0 to below 1"),
        ({"weight_decay": "little"}, "weight_decay is 'little'; it must be a number, 0 or more"),
        ({"batch": True}, "batch is True; it must be a whole number, 2 or more"),
        ({"nesterov": 1}, "nesterov is 1; it must be True or False"),
        ({"optimizer": "adam"}, "optimizer is 'adam'; it must be one of sgd, adamw"),
        ({"network": "alexnet"}, "network is 'alexnet'; it must be one of mini"),
        ({"train_per_class": 20}, "train_per_class is 20; it must be images of a class by task, such as {'B': 20}"),
        ({"copied_rate": -1}, "copied_rate is -1; it must be a number, 0 or more"),
        ({"tuned": {"A7B": 0.1}}, "tuned is {'A7B': 0.1}; it must be by network, some of learning_rate, copied_rate"),
        ({"tuned": {"A7B": {"batch": 8}}}, "tuned is {'A7B': {'batch': 8}}; it must be by network, some of"),
        ({"tuned": {"A7B": {"epochs": 0}}}, "tuned has for A7B: epochs is 0; it must be a whole number, 1 or more"),
        ({"tuned": {"C7B": {"epochs": 2}}}, "no such network: 'C7B'"),
        ({"data": 20}, "data is 20; it must be options of the data set"),
    ],
)
def test_a_field_of_a_recipe_says_what_is_allowed(changes, message):
    with pytest.raises(ValueError) as error:
        Recipe(**changes)
    assert message in clear(error)


@MANY
@given(ANYTHING, st.sampled_from(sorted(PARAMETERS)))
def test_any_parameter_of_a_chapter(tmp_path, value, name):
    good = {
        "dataset": "kingdoms", "scale": "smoke", "split": "random", "seeds": [0], "layers": [1],
        "runs": str(tmp_path / "runs"), "data_root": None, "device": "cpu", "cluster": None,
        "network": None, "train": False,
    }  # fmt: skip
    try:
        open_lab({**good, name: value})
    except (ValueError, OSError) as error:
        assert len(str(error)) > 10
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "train",
        "warm --scale tiny",
        "warm --device tpu",
        "study nothing",
        "study networks --seed 99",
        "study networks --seed x",
        "study networks --split half",
        "plan --throughput fast",
        "plan --throughput 0",
        "plan --throughput -5",
        "plan --throughput nan",
        "plan --dataset mnist --throughput 5",
        "plan --scale huge",
        "prepare imagenet",
        "prepare mnist --data-root . --out {tmp}/out",
        "prepare folder --data-root {tmp}/nowhere --out {tmp}/out",
        "prepare folder --data-root {tmp} --out {tmp}/out --size 0",
        "prepare folder --data-root {tmp} --out {tmp}/out --workers -1",
        "batch 99 --out {tmp}/out",
        "batch 03 --out {tmp}/out -p seeds",
        "why",
        "why A8B --scale smoke --runs {tmp}/runs",
        "why A3B --scale smoke --runs {tmp}/runs --seed -1",
        "why A3B --scale smoke --runs {tmp}/runs --dataset folder",
        "why A3B --scale smoke --runs {tmp}/runs --dataset folder --data-root {tmp}/nowhere",
        "status --scale smoke --runs {tmp}/runs --target C",
    ],
)
def test_a_wrong_command_line_ends_with_2_and_a_sentence(line, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["transferlab", *line.format(tmp=tmp_path).split()])
    try:
        status = main()
    except SystemExit as stopped:
        status = stopped.code
    said = capsys.readouterr().err
    assert status == 2
    assert "error: " in said and "Traceback" not in said
    assert not list(tmp_path.iterdir())


# --- folders of images -----------------------------------------------------------------------------------


def tree(root, classes, save=lambda path: Image.new("RGB", (40, 40), "red").save(path), count=3):
    for part in ("train", "val"):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for index in range(count):
                save(root / part / name / f"{index}.png")
    return root


def test_a_folder_with_one_class_cannot_be_split(tmp_path):
    lab = Lab(dataset="folder", scale="smoke", runs=tmp_path / "runs", data_root=tree(tmp_path / "one", ["only"]))
    with pytest.raises(ValueError) as error:
        lab.run("baseB")
    assert "2 classes" in clear(error) or "two" in clear(error)


def test_an_empty_class_is_named(tmp_path):
    root = tree(tmp_path / "some", ["full", "void"])
    for path in (root / "train" / "void").iterdir():
        path.unlink()
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        datasets.load("folder", data_root=root)
    assert "void" in clear(error)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK", "I;16", "F"])
def test_images_of_any_mode_are_read(tmp_path, mode):
    suffix = {"CMYK": "jpg", "F": "tiff"}.get(mode, "png")

    def save(path):
        Image.new(mode, (50, 40)).save(path.with_suffix(f".{suffix}"))

    data = datasets.load("folder", data_root=tree(tmp_path / "modes", ["один", "zwei & drei"], save), size=16)
    assert data.train_images.shape == (6, 3, 16, 16) and data.class_names == ("zwei & drei", "один")


@settings(MANY, max_examples=8)
@given(cut=st.integers(0, 120))
def test_a_truncated_image_is_named(tmp_path_factory, cut):
    root = tree(tmp_path_factory.mktemp("cut"), ["a", "b"])
    broken = root / "train" / "b" / "1.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(broken)
    broken.write_bytes(broken.read_bytes()[:cut])
    with pytest.raises(ValueError) as error:
        datasets.load("folder", data_root=root)
    assert str(broken) in clear(error)


@MANY
@given(seed=ANYTHING)
def test_any_seed_of_a_split(lab, seed):
    try:
        splits.halves(lab.data, "random", seed)
    except ValueError as error:
        assert repr(seed) in str(error)


def test_every_scale_is_a_recipe_that_can_be_filed():
    for scale in SCALES.values():
        json.dumps(scale.record(Treatment.parse("A3B")), allow_nan=False)
