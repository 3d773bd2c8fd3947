"""Several networks at a time in threads of one process, as on a GPU; here on the CPU as far as it goes."""

import copy
from dataclasses import replace

import pytest
import torch

from transferlab import Lab, networks, training
from transferlab.parallel import threads
from transferlab.store.sweeps import sweep_jobs

JOBS = sweep_jobs(("AnB", "BnB+", "random"), (2, 7), "random", (0,), ("B",))


def test_threads_give_the_networks_that_runs_one_by_one_give(lab, tmp_path):
    elsewhere = Lab(scale="smoke", runs=tmp_path)
    done = {}
    threads.in_parallel(
        lambda job: elsewhere.run(*job).accuracy, JOBS, 4, lambda job, accuracy: done.update({job: accuracy})
    )
    assert done == {job: lab.run(*job).accuracy for job in JOBS}
    for job in JOBS:
        ours, theirs = (place.run(*job).path / "weights.safetensors" for place in (lab, elsewhere))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_rests_on_a_failure_is_told_and_the_rest_goes_on(workers):
    asked, done = [], []

    def train(job):
        asked.append(job[0])
        if job[0] == "baseA":
            raise ArithmeticError(f"{job[0]} is not a number")
        return 0.5

    failed = threads.in_parallel(train, JOBS, workers, lambda job, accuracy: done.append(job))
    assert {name for name, _, _ in failed} == {"baseA", "A2B", "A7B"}
    assert all("baseA is not a number" in str(error) for error in failed.values())
    assert {*done} == {*JOBS} - {*failed}
    assert "A2B" not in asked


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("frozen", [0, 3])
def test_a_captured_step_equals_the_step_as_it_is_written(lab, frozen, monkeypatch):
    task, recipe = lab.task("B"), replace(lab.recipe, precision="float32", learning_rate=1e-3)
    captured = networks.build("mini", len(task.classes), 32, seed=1)
    written = copy.deepcopy(captured)
    training.train(captured, frozen, task, recipe, seed=1, device="cuda")
    monkeypatch.setattr("transferlab.engine.steps.Step._capture", lambda step: step._once)
    training.train(written, frozen, task, recipe, seed=1, device="cuda")
    for ours, theirs in zip(captured.parameters(), written.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
