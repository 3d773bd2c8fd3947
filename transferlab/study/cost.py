"""What a study would cost, before you run it: networks, images, hours, disk and memory."""

import inspect
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from transferlab import datasets, networks, training
from transferlab.datasets import emoji
from transferlab.datasets.folder import list_parts
from transferlab.datasets.prepared import is_prepared, read_prepared
from transferlab.engine.recipes import Recipe
from transferlab.notation import DEPTHS, Treatment
from transferlab.study import Study

SIZES = {"cifar100": (50_000, 10_000, 100), "imagenet": (1_281_167, 50_000, 1000)}  # images to train and test; classes
KINGDOMS = 80  # classes
OF_2014 = 163 * 9.5 * 24  # hours on a K20: the networks and the days of each that the authors name


@dataclass(frozen=True)
class Cost:
    """The cost of a study. `hours` are for one device; bytes are those of images, and of weights in the store."""

    networks: int
    images: float  # forward and backward, in all networks
    hours: float
    image_bytes: int
    weight_bytes: int

    def __str__(self) -> str:
        """Return one line per figure."""
        return (
            f"{self.networks:,} networks, {self.images / 1e6:,.1f} million images to train on\n"
            f"{self.hours:,.1f} hours on one such device (2014: {OF_2014:,.0f} for 163 networks on a K20)\n"
            f"{self.image_bytes / 1e9:,.2f} GB of images, {self.weight_bytes / 1e9:,.2f} GB of weights"
        )


def size_of(dataset: str, recipe: Recipe, data_root: str | Path | None = None) -> tuple[int, int, int]:
    """Return training images, test images and classes of a data set, which need not be here unless it is a folder.

    Those that are drawn are what the recipe says, or else what is drawn by default. Those of a folder are counted.
    Raises ValueError or FileNotFoundError.
    """
    if dataset in datasets.DRAWN:
        usual = {name: each.default for name, each in inspect.signature(datasets.LOADERS[dataset]).parameters.items()}
        drawn = usual | recipe.data
        if "draws" in drawn:
            draws = {name: drawn[name] for name in ("draws", "test_draws")}
            return emoji.count(drawn["classes"], dataset != "emoji", **draws)
        train, test = (drawn[f"{part}_per_class"] for part in ("train", "test"))
        return KINGDOMS * train, KINGDOMS * test, KINGDOMS
    if dataset == "folder":
        if is_prepared(data_root):
            data = read_prepared(data_root, dataset, recipe.size, check=False)
            train, test = (int((data[f"{part}_labels"] >= 0).sum()) for part in ("train", "test"))
            return train, test, len(data["class_names"])
        parts, classes, _ = list_parts(dataset, data_root)
        return len(parts["train"]), len(parts["test"]), len(classes)
    if dataset not in SIZES:
        raise ValueError(
            f"the size of {dataset!r} is not known; it is of kingdoms, emoji, {', '.join(SIZES)}, and of a folder of "
            "images"
        )
    return SIZES[dataset]


def of_study(
    dataset: str, recipe: Recipe, study: Study, throughput: float, data_root: str | Path | None = None
) -> Cost:
    """Return the cost of `study` on a data set, if a network without frozen layers trains on `throughput` images/s.

    `recipe` has the study's changes, and its `precision` is settled. A network with frozen layers is assumed to be
    faster in proportion to its operations; a top that is wider than usual is counted as usual.
    Raises ValueError for a throughput that is not above 0, and what `size_of` raises.
    """
    if not throughput > 0:
        raise ValueError(f"the throughput is {throughput!r} images a second; it must be above 0")
    train, test, classes = size_of(dataset, recipe, data_root)
    network = built(recipe, classes // 2)
    share = operations(recipe, network)
    seen, jobs = [], [Treatment.parse(name) for name, _, _ in study.jobs()]
    for treatment in jobs:
        batch, _, steps = training.length(recipe.of(treatment), max(1, train // 2))
        seen.append(batch * steps)
    seconds = sum(images * share[treatment.frozen] / throughput for images, treatment in zip(seen, jobs, strict=True))
    weights = sum(parameter.numel() for parameter in network.parameters())
    pixels = 3 * recipe.size**2
    return Cost(len(jobs), sum(seen), seconds / 3600, (train + test) * pixels, 4 * weights * len(jobs))


def built(recipe: Recipe, classes: int) -> nn.Sequential:
    """Return a network of the recipe's kind, to count what it takes."""
    return networks.build(recipe.network, classes, recipe.input_size, seed=0).eval()


def operations(recipe: Recipe, network: nn.Sequential) -> pd.Series:
    """Return the operations to train on an image with n frozen layers, n = 0..7, as a share of those with none.

    The layers of the `network`, as `built` makes it, are frozen one after the other, and stay so.
    """
    counts = pd.Series({n: _counted(recipe, network, n) for n in (0, *DEPTHS)})
    return counts / counts[0]


def flops(recipe: Recipe, classes: int, n: int) -> int:
    """Return the floating point operations to train on one image with n frozen layers, forward and backward."""
    return _counted(recipe, built(recipe, classes), n)


def _counted(recipe: Recipe, network: nn.Sequential, n: int) -> int:
    same = training.steady(network, n, recipe)
    inputs = torch.zeros(1, 3, recipe.input_size, recipe.input_size)
    network[:n].requires_grad_(False)
    with torch.no_grad():
        inputs = network[:same](inputs)
    with FlopCounterMode(display=False) as counter:
        network[same:](inputs).sum().backward()
    return counter.get_total_flops()
