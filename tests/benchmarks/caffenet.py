"""Training CaffeNet at 227 pixels: images a second from the device's memory, from the host's, and by a plain loop.

Used by gpu.py. The pictures are made up, since only their sizes matter: smooth noise, so that JPEG files of them are
about as large as photographs of 256 pixels.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import cross_entropy, interpolate

from transferlab import networks
from transferlab.datasets.rows import Rows
from transferlab.engine import inputs
from transferlab.engine.recipes import Recipe
from transferlab.engine.steps import Step, parameter_groups
from transferlab.system.torchvision import torchvision

CLASSES = 10
SIZE = 256  # pixels
PLAIN = ("plain loop from JPEG files", "plain loop from device memory")
KINDS = ("bfloat16", "float32", "tf32")  # of matrix products; tf32: float32 with its inputs rounded to 10 bits


class Pictures:
    """The same pictures in memory, in one file that is mapped, and as JPEG files, a quarter of them."""

    def __init__(self, folder: Path, count: int):
        self.in_memory, self.jpegs, on_disk = pictures(count, SIZE), folder / "jpegs", folder / "images.npy"
        np.save(on_disk, self.in_memory)
        self.mapped = Rows(np.load(on_disk, mmap_mode="r"), np.arange(count))
        for index, picture in enumerate(self.in_memory[: max(CLASSES, count // 4)]):
            path = self.jpegs / str(index % CLASSES) / f"{index}.jpeg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.transpose(1, 2, 0)).save(path, quality=90)


def pictures(count: int, size: int) -> np.ndarray:
    """Smooth noise, uint8 `[count, 3, size, size]`."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        interpolate(torch.rand(min(256, count - start), 3, size // 4, size // 4, generator=generator), (size, size))
        for start in range(0, count, 256)
    ]
    return torch.cat([(part * 255).to(torch.uint8) for part in parts]).numpy()


def by_step(images: np.ndarray | Rows, recipe: Recipe, device: str, steps: int) -> float:
    """Images a second through `Crops` and `Step`, from wherever `Crops` keeps the images; the first pass is left out.

    Images are taken in a random order, `steps` batches of them.
    """
    network = networks.build(recipe.network, CLASSES, recipe.crop, seed=0)
    network.to(device, memory_format=torch.channels_last).train()
    source = inputs.Crops(images, recipe, torch.zeros(images.shape[1:]), device)
    labels = torch.arange(len(images), device=device) % CLASSES
    step = Step(network, network, source, labels, recipe, recipe.batch)
    generator = torch.Generator().manual_seed(1)
    for number in (2, steps):
        rows = torch.randint(len(images), (number * recipe.batch,), generator=generator)
        started = perf_counter()
        parts = rows.to(device).split(recipe.batch)
        for part, picks in zip(parts, source.batches(source.pick(rows, generator).split(recipe.batch)), strict=True):
            step(part, picks, recipe.learning_rate)
        step.losses.item()
        seconds = perf_counter() - started
    step.close()
    return len(rows) / seconds


def by_hand(batches: Iterable, leave_out: int, recipe: Recipe, device: str) -> float:
    """Images a second of an ordinary loop over batches of uint8 crops and labels, without the first few."""
    network = networks.build(recipe.network, CLASSES, recipe.crop, seed=0).to(device).train()
    optimizer = torch.optim.SGD(parameter_groups(network, recipe), recipe.learning_rate, recipe.momentum)
    done = -leave_out
    for images, labels in batches:
        if done == 0:
            _wait(device)
            started = perf_counter()
        images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        with inputs.autocast(labels.device, recipe.precision):
            loss = cross_entropy(network((images.float() - 127.5) / recipe.divide_by), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        done += 1
    _wait(device)
    return done * recipe.batch / (perf_counter() - started)


def from_files(folder: Path, recipe: Recipe, device: str, steps: int, workers: int) -> float:
    """An ordinary loop with ImageFolder, transforms, and a DataLoader. What it reads ahead at first is left out."""
    transforms = torchvision.transforms
    prepared = transforms.Compose(
        [transforms.RandomCrop(recipe.crop), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    )
    files, ahead = torchvision.datasets.ImageFolder(folder, prepared), 2 + 2 * workers
    sampler = torch.utils.data.RandomSampler(files, replacement=True, num_samples=(ahead + steps) * recipe.batch)
    loader = torch.utils.data.DataLoader(
        files, recipe.batch, sampler=sampler, num_workers=workers, pin_memory=device == "cuda"
    )
    return by_hand(loader, ahead, recipe, device)


def from_device(images: np.ndarray, recipe: Recipe, device: str, steps: int) -> float:
    """An ordinary loop over images on the device; as is usual there, all crops of a batch are in the same place."""
    on_device, ahead = torch.as_tensor(images, device=device), 2
    changed = torchvision.transforms.Compose(
        [torchvision.transforms.RandomCrop(recipe.crop), torchvision.transforms.RandomHorizontalFlip()]
    )

    def batches() -> Iterator:
        while True:
            rows = torch.randint(len(on_device), (recipe.batch,), device=device)
            yield changed(on_device[rows]), rows % CLASSES

    return by_hand(islice(batches(), ahead + steps), ahead, recipe, device)


def ways(pictures: Pictures, recipe: Recipe, device: str, steps: int, workers: int) -> dict[str, Callable[[], float]]:
    """Ways to train: each measures its images a second."""

    def staged(images: np.ndarray | Rows) -> float:
        room, inputs.SHARE = inputs.SHARE, 0.0  # none on the device: they are staged batch by batch
        try:
            return by_step(images, recipe, device, steps)
        finally:
            inputs.SHARE = room

    files, device_memory = PLAIN
    return {
        "device memory": lambda: by_step(pictures.in_memory, recipe, device, steps),
        "host memory, pinned in batches": lambda: staged(pictures.in_memory),
        "mapped file, pinned in batches": lambda: staged(pictures.mapped),
        files: lambda: from_files(pictures.jpegs, recipe, device, steps, workers),
        device_memory: lambda: from_device(pictures.in_memory, recipe, device, steps),
    }


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matmul_rate(kind: str, device: str, side: int, seconds: float) -> float:
    """What the device does at most, in FLOP/s: the best of products of square matrices for some seconds."""
    precision = torch.float32 if kind == "tf32" else getattr(torch, kind)
    one, other = (torch.randn(side, side, device=device).to(precision) for _ in range(2))
    best, until, before = 0.0, perf_counter() + seconds, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
    try:
        while perf_counter() < until or not best:
            _wait(device)
            started = perf_counter()
            for _ in range(4):
                one @ other
            _wait(device)
            best = max(best, 4 * 2 * side**3 / (perf_counter() - started))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return best
