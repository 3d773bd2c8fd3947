"""Training steps on made-up images: how many images a second are possible, and which batch fits into memory."""

from time import perf_counter

import numpy as np
import torch

from transferlab import networks
from transferlab.engine.inputs import Crops, Source, Stored, to_device
from transferlab.engine.recipes import LEAST_BATCH, Recipe
from transferlab.engine.steps import Step
from transferlab.system.machine import hardware

CPU_BATCH = 64  # images a step at most when a CPU is measured: seconds matter there, and larger batches are no faster


def seconds_a_step(recipe: Recipe, classes: int, device: str, batch: int, steps: int = 5) -> float:
    """The median time of some steps on a network without frozen layers. `recipe.precision` must be settled.

    Raises torch.OutOfMemoryError if a GPU has no room for such a step.
    """
    network = networks.build(recipe.network, classes, recipe.input_size, seed=0)
    to_device(network, device)
    network.train()
    shape = (batch, 3, recipe.size, recipe.size)
    source: Source
    if recipe.crop:
        source = Crops(np.zeros(shape, np.uint8), recipe, torch.zeros(shape[1:]), device)
    else:
        source = Stored(torch.zeros(shape, dtype=getattr(torch, recipe.precision), device=device))
    labels, rows = torch.zeros(batch, dtype=torch.int64, device=device), torch.arange(batch, device=device)
    step, picks, seconds = Step(network, network, source, labels, recipe, batch), source.pick(rows, None), []
    for _ in range(steps + 1):
        started = perf_counter()
        step(rows, picks, 0.0)
        step.losses.item()  # waits for a GPU
        seconds.append(perf_counter() - started)
    step.close()
    return sorted(seconds[1:])[steps // 2]


def throughput(recipe: Recipe, classes: int, device: str) -> float:
    """Images a second of a network without frozen layers."""
    batch = recipe.batch if device == "cuda" else min(recipe.batch, CPU_BATCH)
    return batch / seconds_a_step(recipe, classes, device, batch)


def fitting_batch(recipe: Recipe, classes: int, device: str) -> int:
    """The largest of the recipe's batch, its half, its quarter, ... for which there is memory; 0 if there is none."""
    batch = recipe.batch
    while batch >= LEAST_BATCH:
        try:
            seconds_a_step(recipe, classes, device, batch, steps=1)
            return batch
        except torch.OutOfMemoryError:
            batch //= 2
    return 0


def no_room(recipe: Recipe, classes: int, device: str, at_once: int = 1) -> str:
    """What to say if the device has run out of memory while `at_once` networks were trained side by side."""
    fits = fitting_batch(recipe, classes, device)
    if not fits:
        advice = f"not even {LEAST_BATCH} images fit; use a smaller network or smaller images"
    elif at_once > 1:
        advice = (
            f"{at_once} networks were trained side by side and share it; train fewer at a time: Lab(at_once="
            f"{at_once // 2})"
        )
    elif fits == recipe.batch:
        advice = "the batch alone would fit, so something else fills the memory, such as other programs"
    else:
        advice = f"a batch of {fits} fits: Lab(batch={fits}), with a learning rate to match"
    return f"{hardware(device)} ran out of memory with batch={recipe.batch}; {advice}"
