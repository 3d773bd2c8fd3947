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
import torch.nn.functional as F
from torch import nn

from transferlab.recipes import Recipe
from transferlab.splits import Task
from transferlab.transplant import train_mode

VERSION = 1  # of the training semantics: raise it when the same spec would give another network


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of arithmetic, so that a network is the same whoever trains it, to the last bit.

    Networks are trained side by side in processes; threads inside one of them would only wait for each other.
    """
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
    with autocast(inputs.device.type, precision):
        return torch.cat([layers(part) for part in inputs.split(batch)])


def autocast(device: str, precision: str) -> torch.autocast:
    """Arithmetic of the given precision; parameters stay float32."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")


def accuracy(network: nn.Sequential, images: np.ndarray, labels: np.ndarray, precision: str, device: str) -> float:
    """Top-1 accuracy, 0..1, of a network on uint8 images `[N, 3, H, W]` with labels `[N]`."""
    right = 0
    for start in range(0, len(labels), 500):
        part = slice(start, start + 500)
        logits = outputs(network, to_input(images[part], precision, device), precision)
        right += int((logits.argmax(1).cpu().numpy() == labels[part]).sum())
    return right / len(labels)


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
    prefix, learned = network[:frozen], network[frozen:]
    inputs = outputs(prefix, to_input(task.train_images, recipe.precision, device), recipe.precision)
    labels = torch.as_tensor(task.train_labels, device=device)
    curve = np.linspace(0, len(task.test_labels) - 1, min(recipe.curve_images, len(task.test_labels))).astype(int)
    optimizer = torch.optim.SGD(
        learned.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
    batch = min(recipe.batch, len(labels))
    per_epoch = len(labels) // batch
    rows = []
    for epoch in range(recipe.epochs):
        started = perf_counter()
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(labels), generator=generator)[: per_epoch * batch].to(device)
        losses, right = torch.zeros((), device=device), torch.zeros((), device=device)
        train_mode(network, frozen)
        for index, chosen in enumerate(order.split(batch)):
            step = epoch * per_epoch + index
            optimizer.param_groups[0]["lr"] = learning_rate(recipe, step, recipe.epochs * per_epoch)
            with autocast(device, recipe.precision):
                logits = learned(inputs[chosen])
                loss = F.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses += loss.detach()
            right += (logits.argmax(1) == labels[chosen]).sum()
        last = epoch + 1 == recipe.epochs
        test = slice(None) if last else curve
        measured = last or (epoch + 1) % recipe.curve_every == 0
        rows.append(
            {
                "epoch": epoch + 1,
                "learning_rate": optimizer.param_groups[0]["lr"],
                "train_loss": losses.item() / per_epoch,
                "train_accuracy": right.item() / (per_epoch * batch),
                "test_accuracy": accuracy(
                    network, task.test_images[test], task.test_labels[test], recipe.precision, device
                )
                if measured
                else math.nan,
                "seconds": perf_counter() - started,
            }
        )
        on_epoch(rows[-1])
    return rows
