"""Training CaffeNet at 227 pixels: images a second from the device's memory, from the host's, and by a plain loop.

Used by gpu.py. The pictures are made up, since only their sizes matter: smooth noise, so that JPEG files of them are
about as large as photographs of 256 pixels.
"""

from collections.abc import Iterator
from dataclasses import replace
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
from transferlab.study.cost import flops
from transferlab.system.machine import cores
from transferlab.system.torchvision import torchvision

CLASSES = 10


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
    return len(rows) / (perf_counter() - started)


def by_hand(folder: Path, recipe: Recipe, device: str, steps: int) -> float:
    """Images a second of an ordinary loop: ImageFolder, transforms, a DataLoader with a worker a core."""
    network = networks.build(recipe.network, CLASSES, recipe.crop, seed=0).to(device).train()
    transforms = torchvision.transforms
    prepared = transforms.Compose(
        [transforms.RandomCrop(recipe.crop), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    )
    loader = torch.utils.data.DataLoader(
        torchvision.datasets.ImageFolder(folder, prepared), recipe.batch, shuffle=True, drop_last=True,
        num_workers=cores(), persistent_workers=True, pin_memory=device == "cuda",
    )  # fmt: skip
    optimizer = torch.optim.SGD(parameter_groups(network, recipe), recipe.learning_rate, recipe.momentum)
    batches, done = _forever(loader), -2
    while done < steps:
        if done == 0:
            _wait(device)
            started = perf_counter()
        images, labels = next(batches)
        images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        with inputs.autocast(labels.device, recipe.precision):
            loss = cross_entropy(network((images.float() - 127.5) / recipe.divide_by), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        done += 1
    _wait(device)
    return steps * recipe.batch / (perf_counter() - started)


def _forever(loader) -> Iterator:
    while True:
        yield from loader


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matmul_rate(precision: str, device: str, side: int, seconds: float = 1.0) -> float:
    """What the device does at most, in FLOP/s: the best of products of square matrices for some seconds."""
    one, other = (torch.randn(side, side, device=device).to(getattr(torch, precision)) for _ in range(2))
    best, until = 0.0, perf_counter() + seconds
    while perf_counter() < until or not best:
        _wait(device)
        started = perf_counter()
        for _ in range(4):
            one @ other
        _wait(device)
        best = max(best, 4 * 2 * side**3 / (perf_counter() - started))
    return best


def measure(recipe: Recipe, device: str, folder: Path, images: int, steps: int, side: int) -> list[dict]:
    """A row for each way to the images: images a second, and the share of the device's matrix rate."""
    recipe = replace(recipe.on(device), size=256)
    array = pictures(images, recipe.size)
    for index, picture in enumerate(array[: max(recipe.batch, images // 4)]):
        path = folder / str(index % CLASSES) / f"{index}.jpeg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.transpose(1, 2, 0)).save(path, quality=90)
    best, each = matmul_rate(recipe.precision, device, side), flops(recipe, CLASSES, 0)
    on_disk = folder / "images.npy"
    np.save(on_disk, array)
    mapped = Rows(np.load(on_disk, mmap_mode="r"), np.arange(images))
    free, inputs.SHARE = inputs.SHARE, 0.0  # no room on the device: staged batch by batch
    ways = {"host memory, staged": lambda: by_step(array, recipe, device, steps),
            "mapped file, staged": lambda: by_step(mapped, recipe, device, steps)}  # fmt: skip
    rates = {way: measured() for way, measured in ways.items()}
    inputs.SHARE = free
    rates["device memory"] = by_step(array, recipe, device, steps)
    rates["DataLoader, by hand"] = by_hand(folder, recipe, device, steps)
    return [
        {"way": way, "precision": recipe.precision, "batch": recipe.batch, "images_per_second": rate,
         "share_of_matmul_rate": rate * each / best, "matmul_tflops": best / 1e12}
        for way, rate in rates.items()
    ]  # fmt: skip
