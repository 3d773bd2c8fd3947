"""Where a network is, or why it is not: each answer in the situation that it is about."""

import re

import pytest

from transferlab import Lab, training
from transferlab.__main__ import main
from transferlab.store.status import STATUSES


@pytest.fixture
def own(tmp_path):
    return Lab(scale="smoke", runs=tmp_path)


def test_found_says_when_by_what_and_where(own):
    run = own.run("B2B")
    said = own.why("B2B")
    assert said.startswith("B2B (random, seed 0) is found in ")
    for part in (str(run.path), run.result["trained_at"], f"version {training.VERSION}", f"{run.accuracy:.1%}"):
        assert part in said


def test_missing_names_the_store(own, tmp_path):
    assert own.why("A3B+", "kingdom", 3) == (
        f"A3B+ (kingdom, seed 3) is missing: {tmp_path} has no network of this name, split, seed and scale"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 3}, "recipe.epochs = 2, where 3 is asked for"),
        ({"momentum": 0.8}, "recipe.momentum = 0.9, where 0.8 is asked for"),
        ({"mirror": True}, "recipe.mirror = None, where True is asked for"),
        ({"data": {"train_per_class": 9, "test_per_class": 8}}, "data = "),
    ],
)
def test_stale_names_the_change(own, tmp_path, changes, said):
    own.run("baseB")
    other = Lab(scale="smoke", runs=tmp_path, **changes)
    assert re.search(f"stale: .*baseB-.* is there, but was made with .*{re.escape(said)}", other.why("baseB"))


def test_stale_by_another_version_of_the_training(own, monkeypatch):
    own.run("baseB")
    monkeypatch.setattr(training, "VERSION", training.VERSION + 1)
    assert f"training = {training.VERSION - 1}, where {training.VERSION} is asked for" in own.why("baseB")


def test_stale_through_its_parent(own, tmp_path):
    """Task A on fewer images makes another base A, and so another A1B, whose own recipe is the same."""
    own.run("A1B")
    other = Lab(scale="smoke", runs=tmp_path, train_per_class={"A": 4})
    assert re.search(r"another parent, baseA-\w+, where baseA-\w+ is asked for", other.why("A1B"))
    other.run("baseA")
    assert "another parent, that with recipe.train_per_class = None, where 4 is asked for" in other.why("A1B")


def test_the_nearest_of_several_is_named(own, tmp_path):
    Lab(scale="smoke", runs=tmp_path, epochs=3, batch=16).run("baseB")
    Lab(scale="smoke", runs=tmp_path, epochs=3).run("baseB")
    assert own.why("baseB").count("is asked for") == 1


def test_stopped_running_and_damaged(own):
    seen = []

    def stop(row):
        seen.append(own.why("baseB"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        own.run("baseB", on_epoch=stop)
    assert re.fullmatch(r"baseB .* being trained now: epoch 1 of 2, about \d+ s left", seen[0])
    assert "stopped at epoch 1 of 2; the next run resumes from there" in own.why("baseB")
    run = own.run("baseB")
    (run.path / "history.csv").write_text("")
    assert "history.csv is not as it was written (its checksum differs); it will be trained again" in own.why("baseB")


@pytest.mark.parametrize(
    ("changes", "epochs"), [({"iterations": 25}, 3), ({"train_per_class": {"B": 4}}, 4)], ids=["steps", "few images"]
)
def test_how_far_it_is_counts_the_epochs_that_it_will_have(tmp_path, changes, epochs):
    """A recipe may say the steps instead, and a task with fewer images has more epochs of them."""
    lab, seen = Lab(scale="smoke", runs=tmp_path, **changes), []
    history = lab.run("baseB", on_epoch=lambda row: seen.append(lab.why("baseB"))).history
    assert f"epoch 1 of {epochs}, about" in seen[0]
    assert len(history) == epochs


def test_the_grid_has_a_word_for_every_network(own, tmp_path):
    own.run("B2B")
    Lab(scale="smoke", runs=tmp_path, epochs=3).run("R5B")
    grid = own.status()
    assert grid.shape == (6, 8)
    assert set(grid.to_numpy().ravel()) <= {"", *STATUSES}
    assert grid.loc["base", 0] in ("done", "stuck") and grid.loc["BnB", 2] in ("done", "stuck")
    assert grid.loc["random", 5] == "stale" and grid.loc["AnB+", 7] == "missing"


def test_the_commands(own, capsys, monkeypatch, tmp_path):
    own.run("baseB")
    where = ["--scale", "smoke", "--runs", str(tmp_path)]

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["transferlab", *arguments, *where])
        return main(), *capsys.readouterr()

    assert "baseB (random, seed 0) is found" in command("why", "baseB")[1]
    status, said, _ = command("status")
    assert status == 0 and re.search(r"35 left, about \d+ minutes at \d+ s a network", said)
    status, said, wrong = command("why", "A9B")
    assert status == 2 and not said and "no such network: 'A9B'" in wrong


def test_what_a_network_is_filed_under_does_not_depend_on_how_code_is_written(own):
    """Nothing but the version of the training stands for the code, so a comment or a new name makes nothing stale."""
    assert set(own.spec("A3B", "random", 0)) == {
        "treatment", "split", "seed", "scale", "recipe", "dataset", "data", "device", "training", "parent",
    }  # fmt: skip
