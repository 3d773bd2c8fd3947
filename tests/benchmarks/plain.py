"""The sweep as a good engineer would write it by hand, to measure against: nothing here is used by the book.

Dataset and DataLoader, float32, default layout, all cores in one process, frozen layers by
`requires_grad_(False)` and evaluation mode, one network after another.
"""

from time import perf_counter

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from transferlab.recipes import Recipe
from transferlab.splits import Task
from transferlab.training import learning_rate


class Images(Dataset):
    """One part of a task, normalised image by image."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.images[index]).float()
        return image.sub_(127.5).div_(63.75), int(self.labels[index])


def train(network: torch.nn.Sequential, frozen: int, task: Task, recipe: Recipe, workers: int) -> dict:
    """Train like `transferlab.training.train`; gives the accuracy on all test images and seconds of each epoch."""
    network[:frozen].requires_grad_(False)
    options = {"num_workers": workers, "persistent_workers": workers > 0}
    loader = DataLoader(
        Images(task.train_images, task.train_labels), recipe.batch, shuffle=True, drop_last=True, **options
    )
    optimizer = torch.optim.SGD(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
    )
    seconds, step = [], 0
    for _ in range(recipe.epochs):
        started = perf_counter()
        network.train()
        network[:frozen].eval()
        for images, labels in loader:
            optimizer.param_groups[0]["lr"] = learning_rate(recipe, step, recipe.epochs * len(loader))
            loss = cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        seconds.append(perf_counter() - started)
    return {"accuracy": evaluate(network, task), "epoch_seconds": seconds}


@torch.no_grad()
def evaluate(network: torch.nn.Sequential, task: Task) -> float:
    """Top-1 accuracy on all test images."""
    network.eval()
    loader = DataLoader(Images(task.test_images, task.test_labels), 500)
    return sum(int((network(images).argmax(1) == labels).sum()) for images, labels in loader) / len(task.test_labels)
