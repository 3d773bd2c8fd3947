"""Several networks at a time in threads of one process, as on a GPU; here on the CPU as far as it goes."""

import copy
from dataclasses import replace

import pytest
import torch

from transferlab import Lab, networks, streams, training
from transferlab.lab import plan_sweep

JOBS = plan_sweep(("AnB", "BnB+", "random"), (2, 7), "random", (0,), ("B",))


def test_threads_give_the_networks_that_runs_one_by_one_give(lab, tmp_path):
    elsewhere = Lab(scale="smoke", runs=tmp_path)
    done = {}
    streams.in_parallel(elsewhere.run, JOBS, 4, lambda job, accuracy: done.update({job: accuracy}))
    assert done == {job: lab.run(*job).accuracy for job in JOBS}
    for job in JOBS:
        ours, theirs = (place.run(*job).path / "weights.safetensors" for place in (lab, elsewhere))
        assert ours.read_bytes() == theirs.read_bytes()


def test_the_first_error_ends_it_and_children_of_a_failed_parent_are_not_trained():
    asked = []

    def run(name, split, seed):
        asked.append(name)
        raise ArithmeticError(f"{name} is not a number")

    with pytest.raises(ArithmeticError, match="base"):
        streams.in_parallel(run, JOBS, 1, lambda job, accuracy: None)
    assert "A2B" not in asked


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("frozen", [0, 3])
def test_a_captured_step_equals_the_step_as_it_is_written(lab, frozen, monkeypatch):
    task, recipe = lab.task("B"), replace(lab.recipe, precision="float32", learning_rate=1e-3)
    captured = networks.build("mini", len(task.classes), 32, seed=1)
    written = copy.deepcopy(captured)
    training.train(captured, frozen, task, recipe, seed=1, device="cuda")
    monkeypatch.setattr("transferlab.steps.Step._capture", lambda step: step._once)
    training.train(written, frozen, task, recipe, seed=1, device="cuda")
    for ours, theirs in zip(captured.parameters(), written.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
