"""What the GPU path asks of PyTorch, seen without a GPU: stand-ins for streams and graphs count it."""

import copy
import gc
import threading
import warnings
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from transferlab import Lab, networks, training
from transferlab.engine import checkpoints, inputs, recipes, speed
from transferlab.engine.inputs import Stored
from transferlab.engine.steps import Step
from transferlab.parallel import threads
from transferlab.system import machine

JOBS = [("baseB", "random", seed) for seed in range(9)]


class Cuda:
    """Streams, graphs and captures that were asked for. Nothing is recorded: what is captured runs at once."""

    def __init__(self, monkeypatch):
        self.streams, self.captures, self.graphs, self.here = [], [], [], threading.local()
        cuda = self

        class Stream:
            def __init__(self):
                cuda.streams.append(self)

            def wait_stream(self, other):
                pass

        class Graph:
            def __init__(self):
                self.resets = 0
                cuda.graphs.append(self)

            def reset(self):
                self.resets += 1

            def replay(self):
                pass

        @contextmanager
        def graph(recorded, stream, capture_error_mode):
            cuda.captures.append((threading.get_ident(), stream, torch.cuda.current_stream(), gc.isenabled()))
            yield

        @contextmanager
        def current(stream):
            before, self.here.stream = torch.cuda.current_stream(), stream
            try:
                yield
            finally:
                self.here.stream = before

        default = Stream()
        self.streams.clear()
        monkeypatch.setattr(torch.cuda, "Stream", Stream)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: getattr(self.here, "stream", default))
        monkeypatch.setattr(torch.cuda, "stream", current)
        monkeypatch.setattr(torch.cuda, "graph", graph)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(machine, "_of_this_thread", threading.local())
        monkeypatch.setattr(machine, "_free_streams", [])


@pytest.fixture(autouse=True)
def one_core():
    with machine.one_thread():
        yield


@pytest.fixture
def cuda(monkeypatch):
    return Cuda(monkeypatch)


@pytest.fixture
def captured(cuda, monkeypatch):
    """Every step is captured, as on a GPU, and taken again where a graph would be replayed."""
    made = Step.__init__

    def make(step, *arguments):
        made(step, *arguments)
        step._capture()
        step._run = step._once

    monkeypatch.setattr(Step, "__init__", make)


def a_step(recipe, batch=4):
    network = networks.build("mini", 10, 32, seed=0).train()
    return Step(network, network, Stored(torch.randn(8, 3, 32, 32)), torch.arange(8), recipe, batch)


def test_a_thread_asks_for_one_stream_and_records_on_it(cuda, lab):
    recipe = replace(lab.recipe, precision="float32")
    together = threading.Barrier(3)

    def train(job):
        together.wait()
        a_step(recipe)._capture()
        return 0.5

    failed = threads.in_parallel(train, JOBS, 3, lambda job, accuracy: None)
    assert not failed
    assert len(cuda.captures) == len(JOBS) and len(cuda.streams) == 3
    for thread in {thread for thread, *_ in cuda.captures}:
        mine = [(stream, current) for each, stream, current, _ in cuda.captures if each == thread]
        assert len({*mine}) == 1 and mine[0][0] is mine[0][1]
    assert len({stream for _, stream, *_ in cuda.captures}) == 3
    assert {*machine._free_streams} == {*cuda.streams}
    threads.in_parallel(train, JOBS, 3, lambda job, accuracy: None)
    assert len(cuda.streams) == 3, "threads that have ended leave their streams to others"


def test_the_collector_waits_while_a_step_is_recorded(cuda, lab):
    a_step(lab.recipe)._capture()
    assert not cuda.captures[-1][-1] and gc.isenabled()
    gc.disable()
    try:
        a_step(lab.recipe)._capture()
        assert not gc.isenabled(), "who had switched it off finds it so"
    finally:
        gc.enable()


def test_a_recording_that_fails_leaves_collector_stream_and_lock_as_they_were(cuda, lab, monkeypatch):
    step, before, real = a_step(lab.recipe), torch.cuda.current_stream(), Step._once

    def fails(step):
        if step.graph:
            raise torch.OutOfMemoryError("CUDA out of memory")
        real(step)

    monkeypatch.setattr(Step, "_once", fails)
    with pytest.raises(torch.OutOfMemoryError):
        step._capture()
    assert gc.isenabled() and step.graph is None and cuda.graphs[0].resets == 1
    assert torch.cuda.current_stream() is before
    monkeypatch.setattr(Step, "_once", real)
    step._capture()
    step.close()
    step.close()
    assert [graph.resets for graph in cuda.graphs] == [1, 1] and step.graph is None


@pytest.mark.parametrize("changes", [{}, {"momentum": 0.0}, {"optimizer": "adamw", "learning_rate": 1e-3}])
def test_what_the_recording_ran_before_is_undone(captured, lab, changes, monkeypatch):
    task, recipe = lab.task("B"), replace(lab.recipe, **changes)
    ours = networks.build("mini", len(task.classes), 32, seed=1)
    theirs = copy.deepcopy(ours)
    history = training.train(ours, 3, task, recipe, seed=1)
    monkeypatch.setattr(Step, "_capture", lambda step: step._once)
    assert [row["train_loss"] for row in training.train(theirs, 3, task, recipe, seed=1)] == [
        row["train_loss"] for row in history
    ]
    for one, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_gpu_that_emulates_bfloat16_does_not_prefer_it(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: asked.append(options))
    assert not machine.prefers_bfloat16("cuda")
    assert asked == [{"including_emulation": False}]


@pytest.mark.parametrize(("reserved", "expected"), [(0, False), (50, False), (150, True)])
def test_memory_that_pytorch_keeps_counts_as_free(monkeypatch, reserved, expected):
    images = torch.zeros(10, 3, 2, 2, dtype=torch.uint8).numpy()  # 120 bytes
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 20 + reserved)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 20)
    assert inputs.fits(images, "cuda") == expected


def test_out_of_memory_side_by_side_advises_fewer_at_a_time_and_tries_nothing(lab, monkeypatch):
    monkeypatch.setattr(speed, "seconds_a_step", None)
    said = speed.no_room(lab.recipe, 40, "cpu", at_once=8)
    assert "8 networks were trained side by side" in said and "Lab(at_once=4)" in said


def test_a_network_that_is_trained_alone_blames_no_others(monkeypatch, tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu", at_once=8)

    def no_room(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transferlab.lab.make", no_room)
    failed = threads.in_parallel(lambda job: lab.run(*job).accuracy, JOBS[:2], 2, lambda job, accuracy: None)
    assert len(failed) == 2
    assert all("2 networks were trained side by side" in str(error) for error in failed.values())
    with pytest.raises(RuntimeError, match="the batch alone would fit"):
        lab.run(*JOBS[0])


def test_a_cpu_network_with_dropout_leaves_gpus_alone(monkeypatch):
    asked, real = [], torch.random.fork_rng
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: asked.append(devices) or real(devices))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout())
    before = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with checkpoints.own_randomness(network, seed=3):
            drawn = torch.rand(2)
    assert asked == [[]]
    assert torch.equal(drawn, torch.rand(2, generator=torch.Generator().manual_seed(3)))
    assert torch.equal(before, torch.get_rng_state())


def test_how_many_networks_a_gpu_trains_at_a_time(lab):
    def at_once(recipe, asked=None):
        other = copy.copy(lab)
        other.device, other.recipe, other.at_once = "cuda", recipe, asked
        return other.networks_at_once()

    crops = replace(lab.recipe, crop=24)
    assert (at_once(lab.recipe), at_once(lab.recipe, 3)) == (threads.AT_ONCE, 3)
    assert at_once(lab.recipe, 100) == threads.MOST
    assert (at_once(crops), at_once(crops, 3)) == (1, 3)
    assert at_once(recipes.SCALES["paper"], 8) == 1


def test_a_batch_of_one_image_is_refused():
    with pytest.raises(ValueError, match=r"batch is 1; .*2 or more \(batch normalisation needs several\)"):
        recipes.recipe_for("smoke", batch=1)
