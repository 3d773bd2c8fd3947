"""The training loop with a switch for each lever of speed: from the plain loop of plain.py to that of `Lab`.

It is measured by levers.py. It evaluates nothing, and writes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

import plain
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from transferlab.engine.inputs import autocast, outputs, to_input
from transferlab.engine.recipes import Recipe
from transferlab.engine.steps import parameter_groups
from transferlab.splits import Task
from transferlab.training import learning_rate
from transferlab.transplant import train_mode


def lever(description: str) -> bool:
    """A switch, off unless it is asked for."""
    return field(default=False, metadata={"description": description})


@dataclass(frozen=True)
class Levers:
    """The switches. None on is the loop of plain.py; all on is `transferlab.training.train` as `Lab` runs it."""

    processes: bool = lever("one network a core, in processes of one thread; else one network on all cores")
    channels_last: bool = lever("images and filters in the channels-last layout; else in PyTorch's default one")
    bfloat16: bool = lever("arithmetic in bfloat16, parameters in float32; else all in float32")
    tensor: bool = lever("images normalised once, as one tensor, indexed by a permutation; else Dataset and DataLoader")
    prefix: bool = lever("what the frozen layers give is computed once; else at every step")
    fused: bool = lever("the fused SGD step; else parameter by parameter")
    malloc: bool = lever("memory is kept, in large pages; else glibc's default or, in processes, Dask's")


def train(
    network: nn.Sequential,
    frozen: int,
    task: Task,
    recipe: Recipe,
    levers: Levers,
    workers: int = 0,
    on_epoch: Callable[[dict], None] = lambda row: None,
) -> tuple[float, list[float]]:
    """Train the layers above the first `frozen` ones, in place; gives the seconds spent once and each epoch's.

    `levers` decide all but `processes` and `malloc`, which are matters of the process that this runs in, and the
    precision, whatever the recipe says. `workers` are those of the DataLoader. Calls `on_epoch` after each epoch.
    """
    started = perf_counter()
    layout = torch.channels_last if levers.channels_last else torch.contiguous_format
    precision = "bfloat16" if levers.bfloat16 else "float32"
    network.to(memory_format=layout)
    train_mode(network, frozen)
    cut = frozen if levers.prefix else 0  # the layers below are run once, those above at every step
    labels = torch.as_tensor(task.train_labels)
    inputs = None
    if levers.tensor or cut:
        inputs = to_input(task.train_images, precision).contiguous(memory_format=layout)
        inputs = outputs(network[:cut], inputs, precision)
    if levers.tensor:
        batches = Rows(inputs, labels, recipe.batch)
    else:
        data = plain.Images(task.train_images, task.train_labels) if inputs is None else TensorDataset(inputs, labels)
        options = {"num_workers": workers, "persistent_workers": workers > 0}
        batches = DataLoader(data, recipe.batch, shuffle=True, drop_last=True, **options)
    groups, fused = parameter_groups(network[frozen:], recipe), levers.fused or None
    optimizer = torch.optim.SGD(groups, recipe.learning_rate, recipe.momentum, nesterov=True, fused=fused)
    steps = recipe.epochs * len(batches)
    losses, right = torch.zeros(2)
    once, seconds, step = perf_counter() - started, [], 0
    for epoch in range(recipe.epochs):
        started = perf_counter()
        train_mode(network, frozen)
        for images, wanted in batches:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, step, steps)
            if images.dim() == 4:
                images = images.contiguous(memory_format=layout)
            with autocast(images.device, precision):
                logits = network[cut:](images)
                loss = cross_entropy(logits, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses += loss.detach()
            right += (logits.argmax(1) == wanted).sum()
            step += 1
        seconds.append(perf_counter() - started)
        on_epoch({"epoch": epoch + 1})
    return once, seconds


class Rows:
    """The batches of an epoch as rows of one tensor, in the order in which `transferlab.training.train` with seed 0
    takes them: each pass is the next epoch.
    """

    def __init__(self, inputs: Tensor, labels: Tensor, batch: int):
        self.inputs, self.labels, self.batch, self.epoch = inputs, labels, batch, 0

    def __len__(self) -> int:
        return len(self.labels) // self.batch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.epoch)
        order = torch.randperm(len(self.labels), generator=generator)[: len(self) * self.batch]
        self.epoch += 1
        for chosen in order.split(self.batch):
            yield self.inputs[chosen], self.labels[chosen]
