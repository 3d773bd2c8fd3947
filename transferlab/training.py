"""One training loop for every network of the study, and the fast path that must equal it.

Frozen layers never change, so what they give for an image never changes either, unless images are cropped at random
or a layer drops units out: their outputs are computed once and the layers above are trained on those. A network
without frozen layers is the case n = 0, whose "outputs" are the images themselves.

What was reached is kept after every epoch, if there is a place for it, and gone on from.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from time import perf_counter

import torch
from torch import Tensor, nn

from transferlab.engine.checkpoints import Checkpoint, Reached
from transferlab.engine.inputs import TEST_BATCH, Crops, Stored, autocast, outputs, to_input
from transferlab.engine.recipes import Recipe
from transferlab.engine.steps import Step
from transferlab.splits import Task
from transferlab.transplant import train_mode

STUCK = 0.02  # nats below the loss of guessing that a network must have reached once, or it has learned nothing
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


@torch.no_grad()
def accuracy(layers: nn.Sequential, source: Stored | Crops, labels: Tensor, precision: str, rows: Tensor) -> float:
    """Top-1 accuracy, 0..1, of the layers on the images `rows` of a source, with labels `[N]`, int64, of all."""
    layers.eval()
    right = torch.zeros((), dtype=torch.int64, device=labels.device)
    parts = rows.split(TEST_BATCH)
    plans = [source.plan(part, None) for part in parts]
    with autocast(labels.device, precision):
        for part, plan in zip(parts, source.batches(plans), strict=True):
            right += (layers(source.take(plan)).argmax(1) == labels[part]).sum()
    return right.item() / len(rows)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of a step, 0..steps-1: a linear warm-up, then a cosine down to almost 0; or a tenth every so often."""
    if recipe.drop_every:
        return recipe.learning_rate * 0.1 ** (step // recipe.drop_every)
    warmup = recipe.warmup * steps
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def steady(network: nn.Sequential, frozen: int, recipe: Recipe) -> int:
    """How many of the first layers give the same for an image at every step."""
    if recipe.crop:
        return 0
    random = [_drops(layer) for layer in network[:frozen]]
    return random.index(True) if True in random else frozen


def _drops(layers: nn.Module) -> bool:
    return any(isinstance(module, nn.Dropout) and module.p > 0 for module in layers.modules())


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
) -> list[dict]:
    """Train all layers of `network` above the first `frozen` ones on `task`, in place.

    `recipe.precision` must be settled (`recipe.on(device)`); `seed` fixes the order of the images. A recipe with crops
    wants the `mean` image to subtract. Gives one row an epoch: epoch (1..), learning_rate, train_loss (nats),
    train_accuracy and test_accuracy (0..1; the latter NaN between the points of the curve), seconds. The last test
    accuracy is on all test images. Calls `on_epoch` with each row. Training stops where the loss is no number any more.
    With a `checkpoint` it goes on from what is kept there, on the CPU to the same weights as without a stop, and keeps
    what it reaches. The paper's Section 3, on the recipe's schedule.
    """
    if len(task.train_labels) < 2:
        raise ValueError(f"task {task.name} has {len(task.train_labels)} training images; it takes 2 to train")
    network.to(device, memory_format=torch.channels_last)
    train_mode(network, frozen)
    same, precision = steady(network, frozen, recipe), recipe.precision
    above = network[same:]
    source, test = (
        Crops(images, recipe, mean, device)
        if recipe.crop
        else Stored(outputs(network[:same], to_input(images, precision, device), precision))
        for images in (task.train_images, task.test_images)
    )
    labels, test_labels = (torch.as_tensor(part, device=device) for part in (task.train_labels, task.test_labels))
    every = torch.arange(len(test_labels))
    curve = torch.linspace(0, len(every) - 1, min(recipe.curve_images, len(every))).long()
    batch = min(recipe.batch, len(labels))
    steps = len(labels) // batch
    total = recipe.iterations or recipe.epochs * steps
    step = Step(above, network[frozen:], source, labels, recipe, batch)
    with _own_randomness(network, seed):
        rows = _resume(checkpoint, network, step)
        done = min(len(rows) * steps, total)
        finite = True
        while done < total and finite:
            started, epoch = perf_counter(), len(rows)
            generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
            now = min(steps, total - done)
            order = torch.randperm(len(labels), generator=generator)[: now * batch]
            step.losses.zero_()
            step.right.zero_()
            train_mode(network, frozen)
            chosen = order.to(device).split(batch)
            for rows_now, plan in zip(chosen, source.batches(source.plan(order, generator).split(batch)), strict=True):
                rate = learning_rate(recipe, done, total)
                step(rows_now, plan, rate)
                done += 1
            loss, score = step.losses.item() / now, math.nan
            finite = math.isfinite(loss)
            if done == total or not finite:
                score = accuracy(above, test, test_labels, precision, every)
            elif (epoch + 1) % recipe.curve_every == 0:
                score = accuracy(above, test, test_labels, precision, curve)
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
            if checkpoint and done < total and finite:
                checkpoint.save(Reached(_state(network, step), rows, math.ceil(total / steps)))
            on_epoch(rows[-1])
    return rows


def outcome(history: list[dict], classes: int) -> str:
    """How a training went: "trained", "diverged" (the loss is no number), or "stuck" (it never left that of guessing).

    >>> outcome([{"train_loss": 3.7}, {"train_loss": 3.69}], classes=40)
    'stuck'
    """
    losses = [row["train_loss"] for row in history]
    if not all(map(math.isfinite, losses)):
        return "diverged"
    return "stuck" if min(losses) > math.log(classes) - STUCK else "trained"


def _state(network: nn.Sequential, step: Step) -> dict[str, Tensor]:
    """All that the next epoch depends on."""
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()} | step.state()
    if _drops(network):
        tensors["random.cpu"] = torch.get_rng_state()
        if step.labels.is_cuda:
            tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


def _resume(checkpoint: Checkpoint | None, network: nn.Sequential, step: Step) -> list[dict]:
    """Put network and step where the checkpoint has them; the rows of the history up to there."""
    found = checkpoint.load() if checkpoint else None
    if not found:
        return []
    tensors, rows, _ = found
    prefix = "network."
    network.load_state_dict({name[len(prefix) :]: each for name, each in tensors.items() if name.startswith(prefix)})
    step.restore(tensors)
    if "random.cpu" in tensors:
        torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return rows


@contextmanager
def _own_randomness(network: nn.Sequential, seed: int) -> Iterator[None]:
    """Dropout draws from the global generators: for a network that has it they are seeded, and put back afterwards."""
    drops = _drops(network)
    with torch.random.fork_rng() if drops else nullcontext():
        if drops:
            torch.manual_seed(seed)
        yield
