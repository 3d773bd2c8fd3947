"""One training loop for every network of the study, and the fast path that must equal it.

Frozen layers never change, so what they give for an image never changes either: their outputs are computed
once and the layers above are trained on those. A network without frozen layers is the case n = 0, whose
"outputs" are the images themselves.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import torch
from torch import nn

from transferlab.recipes import Recipe
from transferlab.splits import Task
from transferlab.steps import Step, autocast
from transferlab.transplant import train_mode

VERSION = 2  # of the training semantics: raise it when the same spec would give another network


@contextmanager
def one_thread(device: str = "cpu") -> Iterator[None]:
    """One thread of arithmetic on the CPU, so that a network is the same whoever trains it, to the last bit.

    Networks are trained side by side in processes; threads inside one of them would only wait for each other.
    """
    if device != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def to_input(images: np.ndarray | torch.Tensor, precision: str, device: str = "cpu") -> torch.Tensor:
    """Network input from uint8 images `[N, 3, H, W]`: values in [-2, 2], channels last, of the given precision."""
    pixels = torch.as_tensor(images, device=device).contiguous(memory_format=torch.channels_last)
    return pixels.to(torch.float32).sub_(127.5).div_(63.75).to(getattr(torch, precision))


@torch.no_grad()
def outputs(layers: nn.Sequential, inputs: torch.Tensor, precision: str, batch: int = 500) -> torch.Tensor:
    """What `layers` in evaluation mode give for every row of `inputs`. No layers give the inputs back."""
    if not len(layers):
        return inputs
    layers.eval()
    with autocast(inputs.device, precision):
        return torch.cat([layers(part) for part in inputs.split(batch)])


def accuracy(layers: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor, precision: str) -> float:
    """Top-1 accuracy, 0..1, of the layers on their inputs, with labels `[N]`, int64."""
    return (outputs(layers, inputs, precision).argmax(1) == labels).sum().item() / len(labels)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of a step, 0..steps-1: a linear warm-up, then a cosine down to almost 0."""
    warmup = recipe.warmup * steps
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def train(
    network: nn.Sequential,
    frozen: int,
    task: Task,
    recipe: Recipe,
    seed: int,
    device: str = "cpu",
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> list[dict]:
    """Train all layers of `network` above the first `frozen` ones on `task`, in place.

    `recipe.precision` must be settled (`recipe.on(device)`); `seed` fixes the order of the images. Gives one
    row an epoch: epoch (1..), learning_rate, train_loss (nats), train_accuracy and test_accuracy (0..1; the
    latter NaN between the points of the curve), seconds. The last test accuracy is on all test images.
    Calls `on_epoch` with each row. The paper's Section 3, with the recipe's own schedule.
    """
    if len(task.train_labels) < 2:
        raise ValueError(f"task {task.name} has {len(task.train_labels)} training images; it takes 2 to train")
    network.to(device, memory_format=torch.channels_last)
    train_mode(network, frozen)
    prefix, learned, precision = network[:frozen], network[frozen:], recipe.precision
    # what the frozen layers give, computed once
    inputs, test_inputs = (
        outputs(prefix, to_input(images, precision, device), precision)
        for images in (task.train_images, task.test_images)
    )
    labels, test_labels = (torch.as_tensor(part, device=device) for part in (task.train_labels, task.test_labels))
    curve = torch.linspace(0, len(test_labels) - 1, min(recipe.curve_images, len(test_labels)), device=device).long()
    curve_inputs, curve_labels = test_inputs[curve], test_labels[curve]
    batch = min(recipe.batch, len(labels))
    steps = len(labels) // batch
    step = Step(learned, inputs, labels, recipe, batch)
    rows = []
    for epoch in range(recipe.epochs):
        started = perf_counter()
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(labels), generator=generator)[: steps * batch].to(device)
        step.losses.zero_()
        step.right.zero_()
        train_mode(network, frozen)
        for index, chosen in enumerate(order.split(batch)):
            rate = learning_rate(recipe, epoch * steps + index, recipe.epochs * steps)
            step(chosen, rate)
        score = math.nan
        if epoch + 1 == recipe.epochs:
            score = accuracy(learned, test_inputs, test_labels, precision)
        elif (epoch + 1) % recipe.curve_every == 0:
            score = accuracy(learned, curve_inputs, curve_labels, precision)
        rows.append(
            {
                "epoch": epoch + 1,
                "learning_rate": rate,
                "train_loss": step.losses.item() / steps,
                "train_accuracy": step.right.item() / (steps * batch),
                "test_accuracy": score,
                "seconds": perf_counter() - started,
            }
        )
        on_epoch(rows[-1])
    return rows
