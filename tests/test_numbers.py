"""NumPy's numbers are numbers wherever the interface takes one, and a network's name does not tell them apart."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transferlab import Lab, Treatment, networks, splits, transplant
from transferlab.chapters import open_lab
from transferlab.engine.recipes import Recipe
from transferlab.numbers import is_number, is_whole, listed, plain
from transferlab.store.sweeps import checked_layers, shown_jobs, sweep_jobs

WHOLE = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.array, torch.tensor]
FLOATS = [np.float16, np.float32, np.float64, np.longdouble]
MANY = settings(max_examples=60, deadline=None, derandomize=True)
NO_NUMBERS = [True, np.True_, np.array(True), torch.tensor(True)]

wholes = st.sampled_from(WHOLE)
floats = st.sampled_from([*FLOATS, np.array])


@MANY
@given(number=st.integers(0, 127), kind=wholes)
def test_a_whole_number_is_one_in_any_dress(number, kind):
    assert plain(kind(number)) == number and type(plain(kind(number))) is int
    assert is_whole(kind(number)) and is_number(kind(number), 0)


@MANY
@given(thousandth=st.integers(1, 1000), kind=floats)
def test_a_float_is_the_number_that_it_is_written_as(thousandth, kind):
    number = thousandth / 1000
    assert plain(kind(number)) == number and type(plain(kind(number))) is float
    assert not is_whole(kind(number)) and is_number(kind(number), 0)


@pytest.mark.parametrize("value", [*NO_NUMBERS, np.float64(1), "1", None, np.datetime64("2026-08-01"), np.arange(1)])
def test_what_is_no_whole_number(value):
    assert not is_whole(value)


@MANY
@given(seed=st.integers(0, 127), n=st.integers(1, 7), kind=wholes)
def test_seeds_and_layers_make_no_other_network(lab, seed, n, kind):
    ours, theirs = lab.spec(f"A{n}B", "random", seed), lab.spec(Treatment.of("AnB", kind(n)), "random", kind(seed))
    assert json.dumps(ours) == json.dumps(theirs)
    assert str(Treatment("A", kind(n), "B")) == f"A{n}B"
    assert splits.random_halves(40, kind(seed))[0].tolist() == splits.random_halves(40, seed)[0].tolist()


@MANY
@given(
    whole=st.integers(2, 100), float_=st.integers(1, 99), kind=wholes, other=floats,
    name=st.sampled_from(["learning_rate", "weight_decay", "momentum", "warmup", "divide_by", "copied_rate"]),
)  # fmt: skip
def test_a_recipe_is_filed_alike(whole, float_, kind, other, name):
    rate = float_ / 100
    ours = {
        "batch": whole, "epochs": whole, name: rate, "nesterov": True, "train_per_class": {"B": whole},
        "tuned": {"A3B": {"learning_rate": rate, "epochs": whole}}, "data": {"train_per_class": whole},
    }  # fmt: skip
    theirs = {
        "batch": kind(whole), "epochs": kind(whole), name: other(rate), "nesterov": np.True_,
        "train_per_class": {"B": kind(whole)}, "data": {"train_per_class": kind(whole)},
        "tuned": {"A3B": {"learning_rate": other(rate), "epochs": kind(whole)}},
    }  # fmt: skip
    for treatment in map(Treatment.parse, ("A3B", "A3B+", "baseA")):
        records = [json.dumps(Recipe(**each).record(treatment)) for each in (ours, theirs)]
        assert records[0] == records[1]


@MANY
@given(value=st.sampled_from(NO_NUMBERS), name=st.sampled_from(["batch", "epochs", "learning_rate", "crop"]))
def test_a_bool_is_no_field(value, name):
    with pytest.raises(ValueError, match=f"{name} is .*; it must be a"):
        Recipe(**{name: value})


COLLECTIONS = [list, tuple, range, np.arange, torch.arange, lambda *ends: iter(range(*ends))]


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_any_collection_of_numbers_is_a_grid(kind):
    two, deep = ((0, 2), (1, 8)) if kind not in (list, tuple) else ((range(0, 2),), (range(1, 8),))
    expected = sweep_jobs(("base", "AnB"), [*range(1, 8)], "random", [0, 1], ("B",))
    assert sweep_jobs(("base", "AnB"), kind(*deep), "random", kind(*two), ("B",)) == expected
    assert shown_jobs(layers=kind(*deep), seeds=kind(*two)) == shown_jobs(seeds=[0, 1])
    assert checked_layers("layers", kind(*deep)) == [*range(1, 8)] == listed(kind(*deep))


def test_a_grid_of_bools_floats_or_tables_is_refused():
    for layers in ([True], np.array([True]), [1.0], np.array([1.5]), np.ones((2, 2), int), [[1]], {1: 2}, np.array([])):
        with pytest.raises(ValueError, match=r"layers are .*; give a list of one or more of 1, 2"):
            sweep_jobs(("AnB",), layers, "random", [0], ("B",))
    for seeds in ([False], [0.0], ["0"], np.array([-1]), [2**32], []):
        with pytest.raises(ValueError, match=r"seeds? (is|are) .* whole numbers? from 0"):
            sweep_jobs(("AnB",), [1], "random", seeds, ("B",))


def test_the_rest_of_the_interface(lab, tmp_path):
    run = lab.run("baseB", seed=np.int64(0))
    assert run.path == lab.run("baseB", seed=0).path
    assert lab.predict(run, run and lab.data.test_images[:2], n=np.int16(8)).shape == (2, 40)
    assert lab.why("baseB", seed=np.uint8(0)) == lab.why("baseB")
    assert lab.train([("baseB", "random", np.int32(0))]).seed.tolist() == [0]
    other = Lab(scale="smoke", runs=tmp_path, at_once=np.int64(1), epochs=np.int64(3), learning_rate=np.float32(0.05))
    assert other.networks_at_once() == 1 and type(other.changed(batch=np.int64(8)).recipe.batch) is int
    same = Lab(scale="smoke", runs=tmp_path, epochs=3, learning_rate=0.05)
    assert other.spec("A3B", "random", 0) == same.spec("A3B", "random", 0)
    for wrong in (True, np.True_, 1.0):
        with pytest.raises(ValueError, match="at_once is"):
            Lab(at_once=wrong)
        with pytest.raises(ValueError, match="the seed is"):
            lab.run("baseB", seed=wrong)
        with pytest.raises(ValueError, match="n is"):
            lab.predict(run, n=wrong)
    ours, theirs = networks.build("mini", 40, 32, 1), networks.build("mini", np.int64(40), np.int16(32), np.uint8(1))
    donor = networks.build("mini", 40, 32, 2)
    transplant.verify(transplant.transplant(donor, np.int64(3), ours), donor, np.int8(3), frozen=False)
    assert torch.equal(ours.fc8.fc.weight, theirs.fc8.fc.weight)


def test_a_chapter_takes_what_a_cell_computes(tmp_path):
    given = {
        "dataset": "kingdoms", "scale": "smoke", "split": "random", "seeds": np.arange(2), "layers": np.array([1, 4]),
        "few_layers": (np.int64(4),), "runs": str(tmp_path), "data_root": None, "device": "cpu", "cluster": None,
        "network": None, "train": np.False_, "recipe": {"batch": np.int64(16)}, "images": np.int64(5),
    }  # fmt: skip
    lab = open_lab(given)
    assert (given["seeds"], given["layers"], given["few_layers"], given["train"]) == ([0, 1], [1, 4], [4], False)
    assert lab.recipe.batch == 16
    for name, wrong in (("seeds", [True]), ("layers", np.array([1.0])), ("seeds", np.int64(0)), ("images", True)):
        with pytest.raises(ValueError, match=f"{name} is "):
            open_lab({**given, name: wrong})
