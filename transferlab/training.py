"""One training loop for every network of the study, and the fast path that must equal it.

Frozen layers never change, so their output for an image never changes either, unless images are cropped at random or a
layer uses dropout. These outputs are computed once, and the layers above are trained on them. A network without frozen
layers is the case n = 0, whose "outputs" are the images themselves.

At laptop scale a network without frozen layers takes about a minute on one core, one with six frozen layers two
seconds; base networks reach 65 to 80 % of the held-out images (the published table: book/results/networks.csv).
"""

import math
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from transferlab.datasets.rows import Rows
from transferlab.engine import interrupts
from transferlab.engine.checkpoints import Checkpoint, Reached, own_randomness, resume, tensors_of
from transferlab.engine.inputs import Crops, Source, Stored, autocast, outputs, to_device, to_input
from transferlab.engine.recipes import LEAST_BATCH, Recipe
from transferlab.engine.steps import Step
from transferlab.numbers import seed_from
from transferlab.splits import Task
from transferlab.transplant import drops, train_mode

STUCK = 0.02  # nats: a network whose loss never gets this far below that of guessing has learned nothing
VERSION = 2  # of the training semantics: raise it when the same spec would make a different network


def train(
    network: nn.Sequential,
    frozen: int,
    task: Task,
    recipe: Recipe,
    seed: int,
    device: str = "cpu",
    on_epoch: Callable[[dict], None] = lambda row: None,
    mean: Tensor | None = None,
    checkpoint: Checkpoint | None = None,
    copied: int = 0,
    upper: int | None = None,
) -> list[dict]:
    """Train all layers of `network` above the first `frozen` ones on `task`, in place (the paper's Section 3).

    Args:
        network: eight named layers, on any device.
        frozen: how many of them, 0..7, stay fixed.
        task: the images, uint8 `[N, 3, H, W]`, and their labels; at least 2 to train on.
        recipe: the schedule; its `precision` must be settled (`recipe.on(device)`).
        seed: fixes the order of the images, and where they are cropped.
        device: "cpu" or "cuda".
        on_epoch: called with each row of the history.
        mean: the image to subtract, float32 `[3, H, W]`, for a recipe with crops.
        checkpoint: where to save after each epoch and to resume from; on a CPU a training that was stopped ends with
            the same weights as one that was not.
        copied: how many of the first layers came from a base; those that learn have the recipe's `copied_rate`.
        upper: from which place on layers stay fixed again, above the map of a stitched network; None: nowhere.

    Returns:
        One row per epoch: epoch (1..), learning_rate, train_loss (nats), train_accuracy and test_accuracy (0..1; the
        latter NaN between the points of the curve), seconds. The last test accuracy is on all test images. Training
        ends early if the loss becomes NaN or infinite.

    Raises:
        ValueError: for a task with fewer than 2 training images, and a seed that is none.
        KeyboardInterrupt: at the next batch, if the thread is asked to stop.
    """
    if len(task.train_labels) < 2:
        raise ValueError(f"task {task.name} has {len(task.train_labels)} training images; training needs at least 2")
    seed = seed_from(seed)
    to_device(network, device)
    train_mode(network, frozen, upper)

    # 1. Layers whose output for an image is the same at every step run once; the others are trained on it.
    same = steady(network, frozen, recipe)
    above = network[same:]
    source, test = (
        source_of(images, network[:same], recipe, mean, device) for images in (task.train_images, task.test_images)
    )
    labels, test_labels = (torch.as_tensor(part, device=device) for part in (task.train_labels, task.test_labels))
    every = torch.arange(len(test_labels))
    curve = torch.linspace(0, len(every) - 1, min(recipe.curve_images, len(every))).long()

    # 2. How many steps there are; a resumed training takes only the remaining ones.
    batch, steps, total = length(recipe, len(labels))
    first = tuple(name for name, _ in network.named_children())[:1]
    step = Step(above, network[frozen:upper], source, labels, recipe, batch, max(0, copied - frozen), first)
    try:
        with own_randomness(network, seed):
            rows = resume(checkpoint, network, step)
            done, finite = min(len(rows) * steps, total), True
            while done < total and finite:
                started, epoch = perf_counter(), len(rows)

                # 3. An epoch: every image once, in an order that depends only on seed and epoch, so that a resumed
                # training sees the same one. 100,003 exceeds any number of epochs: no two seeds share an order.
                generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
                now = min(steps, total - done)
                order = torch.randperm(len(labels), generator=generator)[: now * batch]
                step.losses.zero_()
                step.right.zero_()
                train_mode(network, frozen, upper)
                picks = source.batches(source.pick(order, generator).split(batch))
                for chosen, picked in zip(order.to(device).split(batch), picks, strict=True):
                    interrupts.check()
                    rate = learning_rate(recipe, done, total)
                    step(chosen, picked, rate)
                    done += 1

                # 4. Its row. The sums have stayed on the device until now, since reading them waits for a GPU.
                loss, score = step.losses.item() / now, math.nan
                finite = math.isfinite(loss)
                if done == total or not finite:
                    score = accuracy(above, test, test_labels, recipe.precision, every)
                elif (epoch + 1) % recipe.curve_every == 0:
                    score = accuracy(above, test, test_labels, recipe.precision, curve)
                rows.append(
                    {
                        "epoch": epoch + 1,
                        "learning_rate": rate,
                        "train_loss": loss,
                        "train_accuracy": step.right.item() / (now * batch),
                        "test_accuracy": score,
                        "seconds": perf_counter() - started,
                    }
                )
                if checkpoint and done < total and finite and checkpoint.is_due(network):
                    checkpoint.save(Reached(tensors_of(network, step), rows, math.ceil(total / steps)))
                on_epoch(rows[-1])
    finally:
        step.close()
    return rows


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate at a step, 0..steps-1: a linear warm-up, then a cosine to almost 0; or a tenth at intervals."""
    if recipe.drop_every:
        return recipe.learning_rate * 0.1 ** (step // recipe.drop_every)
    warmup = recipe.warmup * steps
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def length(recipe: Recipe, images: int) -> tuple[int, int, int]:
    """Return how long a training on `images` images is: images a step, steps an epoch, steps in all.

    >>> length(Recipe(batch=64, epochs=48), images=4000)
    (64, 62, 2976)
    """
    batch = min(recipe.batch, images)
    steps = images // batch
    return batch, steps, recipe.iterations or recipe.epochs * steps


def steady(network: nn.Sequential, frozen: int, recipe: Recipe) -> int:
    """How many of the first layers have the same output for an image at every step."""
    if recipe.crop:
        return 0
    random = [drops(layer) for layer in list(network)[:frozen]]
    return random.index(True) if True in random else frozen


def source_of(images: np.ndarray | Rows, below: nn.Module, recipe: Recipe, mean: Tensor | None, device: str) -> Source:
    """Return the source of a step's inputs: the outputs of the layers `below` for whole images, or random crops.

    `images` are uint8 `[N, 3, H, W]`; `mean` is as in `train`. Raises ValueError for a recipe with crops without it.
    """
    if recipe.crop:
        if mean is None:
            raise ValueError("a recipe with crops needs the mean image to subtract: pass mean=mean_image(train_images)")
        return Crops(images, recipe, mean, device)
    return Stored(outputs(below, to_input(images, recipe.precision, device), recipe.precision))


@torch.no_grad()
def answers(layers: nn.Module, source: Source, device: torch.device, precision: str, rows: Tensor) -> Iterator[Tensor]:
    """Yield the outputs of `layers`, in evaluation mode, for the images `rows`, batch by batch, on the device."""
    layers.eval()
    batches = source.batches(source.pick(rows, None).split(source.test_batch))
    for picks in batches:
        interrupts.check()
        with autocast(device, precision):
            yield layers(source.take(picks))


def accuracy(layers: nn.Module, source: Source, labels: Tensor, precision: str, rows: Tensor) -> float:
    """Return the top-1 accuracy, 0..1, on the images `rows` of a source; `labels`, int64 `[N]`, are those of all."""
    right = torch.zeros((), dtype=torch.int64, device=labels.device)
    batches = answers(layers, source, labels.device, precision, rows)
    for part, logits in zip(rows.split(source.test_batch), batches, strict=True):
        right += (logits.argmax(1) == labels[part]).sum()
    return right.item() / len(rows)


def predict(
    network: nn.Module,
    images: np.ndarray | Rows,
    recipe: Recipe,
    mean: Tensor | None = None,
    device: str = "cpu",
) -> Tensor:
    """Return the outputs of a network, or of its first layers, for images: float32 `[N, ...]` on the CPU.

    The images, uint8 `[N, 3, H, W]`, are treated as in testing: whole, or the centre crop minus the `mean`, in the
    recipe's precision, batch by batch.

    >>> from transferlab.networks import build
    >>> images = np.zeros((3, 3, 32, 32), np.uint8)
    >>> predict(build("mini", 40, 32, seed=0)[:2], images, Recipe(precision="float32")).shape
    torch.Size([3, 32, 8, 8])
    """
    to_device(network, device)
    source = source_of(images, nn.Sequential(), recipe, mean, device)
    parts = answers(network, source, torch.device(device), recipe.precision, torch.arange(len(images)))
    return torch.cat([part.float().cpu() for part in parts])


@torch.no_grad()
def take_statistics(
    network: nn.Module, images: np.ndarray | Rows, recipe: Recipe, mean: Tensor | None = None, device: str = "cpu"
) -> nn.Module:
    """Take the statistics of batch normalisation again, from images, in place; return the network in evaluation mode.

    They become the plain averages over all batches. Weights do not change, and a network that keeps no statistics, such
    as one with layer normalisation, is left as it is. Arguments as in `predict`.

    >>> from transferlab.networks import build
    >>> images = np.zeros((64, 3, 32, 32), np.uint8)
    >>> network = take_statistics(build("mini", 40, 32, seed=0), images, Recipe(precision="float32"))
    >>> bool((network.conv1.norm.running_mean == 0).any())
    False
    """
    normalising = [each for each in network.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]
    if not normalising:
        return network.eval()
    to_device(network, device)
    source = source_of(images, nn.Sequential(), recipe, mean, device)
    momenta = [each.momentum for each in normalising]
    network.eval()
    for each in normalising:
        each.reset_running_stats()
        each.momentum = None  # the average over all batches, and not the latest ones
        each.train()
    for picks in source.batches(source.pick(torch.arange(len(images)), None).split(recipe.batch)):
        interrupts.check()
        if len(picks) >= LEAST_BATCH:
            with autocast(torch.device(device), recipe.precision):
                network(source.take(picks))
    for each, momentum in zip(normalising, momenta, strict=True):
        each.momentum = momentum
    return network.eval()


def outcome(history: list[dict], classes: int) -> str:
    """Say how a training went: "trained", "diverged" (the loss became NaN or infinite), or "stuck" (still guessing).

    >>> outcome([{"train_loss": 3.7}, {"train_loss": 3.69}], classes=40)
    'stuck'
    """
    losses = [row["train_loss"] for row in history]
    if not all(map(math.isfinite, losses)):
        return "diverged"
    return "stuck" if min(losses) > math.log(classes) - STUCK else "trained"
