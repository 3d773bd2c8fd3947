"""What check cells hold an answer against where it is computed: kept here, so that nobody reads it by accident."""

from collections.abc import Sequence

import pandas as pd
from torch import Tensor, nn

from transferlab import networks, splits
from transferlab.notation import Treatment
from transferlab.study import claims


def kingdom_halves(kingdoms: Sequence[str]) -> list[list[int]]:
    """Return the division of the classes by kingdom (chapter 1)."""
    return [half.tolist() for half in splits.kingdom_halves(tuple(kingdoms))]


def share_of_connected() -> float:
    """Return the fraction of the parameters that is in the fully connected layers (chapter 2)."""
    parts = networks.build("mini", 40, 32, 0).named_children()
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in parts}
    return sum(count[name] for name in ("fc6", "fc7", "fc8")) / sum(count.values())


def drift(network: nn.Sequential, images: Tensor) -> float:
    """Return by how much the running mean of layer 1 moves when images are seen in training mode (chapter 3)."""
    momentum = 0.1  # PyTorch's default: the share of the new mean
    return momentum * network[0].get_submodule("conv")(images).mean((0, 2, 3)).abs().max().item()


def parent(name: str) -> str | None:
    """Return the name of the network that has to be trained before another one (chapter 4)."""
    treatment = Treatment.parse(name)
    return str(treatment.parent) if treatment.parent else None


def extra_loss(published: pd.DataFrame) -> float:
    """Return the points that AnB loses more between kingdoms than between random halves, at n = 7 (chapter 6)."""
    return -claims.dissimilar(published).set_index("n").estimate["7"]


def spread(initialisation: str, images: Tensor) -> list[float]:
    """Return the standard deviation of the outputs of layers 1 to 7 of an untrained network (chapter 7)."""
    network = networks.build("mini", 40, 32, 0, initialisation).eval()
    return [network[:n](images).std().item() for n in range(1, 8)]


def specificity(emoji: pd.DataFrame) -> float:
    """Return the points by which AnB is above BnB between random halves at n = 7 (chapter 14)."""
    return claims.specificity(emoji).set_index("n").estimate["7"]


def interval(similar: pd.DataFrame) -> tuple[float, float]:
    """Return the 95 % interval of BnB minus AnB at n = 7, in points (chapter 8)."""
    row = claims.specificity(similar).set_index("n").loc["7"]
    return -row.high, -row.low


def best_with_ten(chosen: pd.DataFrame) -> str:
    """Return the condition that is best on average with 10 images a class (chapter 9)."""
    return chosen[chosen.images == 10].groupby("condition").accuracy.mean().idxmax()


def pooled_gain(halves: pd.DataFrame) -> float:
    """Return the points by which all AnB+ networks of 2014 are above all bases, on average (chapter 10)."""
    return claims.fine_tuning(halves).set_index(["contrast", "n"]).estimate["AnB+ - base, pooled", "1-7"]


def if_the_rest_were_free(share: float) -> float:
    """Return how many times as fast a sweep would be if all but that share of it cost nothing (chapter 11)."""
    return 1 / share
