"""The sweep as a good engineer would write it by hand, to measure against: nothing here is used by the book.

Dataset and DataLoader, float32, default layout, all cores in one process, frozen layers by
`requires_grad_(False)` and evaluation mode, one network after another.
"""

from time import perf_counter

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from transferlab.engine.recipes import Recipe
from transferlab.engine.steps import parameter_groups
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


def train(network: torch.nn.Sequential, frozen: int, task: Task, recipe: Recipe, workers: int = 0) -> dict:
    """Train as `transferlab.training.train` does, its learning curve included.

    Gives the accuracy on all test images and the seconds of training and of evaluation, each a list.
    """
    network[:frozen].requires_grad_(False)
    options = {"num_workers": workers, "persistent_workers": workers > 0}
    loader = DataLoader(
        Images(task.train_images, task.train_labels), recipe.batch, shuffle=True, drop_last=True, **options
    )
    optimizer = torch.optim.SGD(
        parameter_groups(network[frozen:], recipe), recipe.learning_rate, recipe.momentum, nesterov=True
    )
    curve = np.linspace(0, len(task.test_labels) - 1, recipe.curve_images).astype(int)
    seconds, evaluation, step = [], [], 0
    for epoch in range(recipe.epochs):
        started = perf_counter()
        network.train()
        network[:frozen].eval()
        for images, labels in loader:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, step, recipe.epochs * len(loader))
            loss = cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        seconds.append(perf_counter() - started)
        started, last = perf_counter(), epoch + 1 == recipe.epochs
        if last or (epoch + 1) % recipe.curve_every == 0:
            part = slice(None) if last else curve
            accuracy = evaluate(network, task.test_images[part], task.test_labels[part])
            evaluation.append(perf_counter() - started)
    return {"accuracy": accuracy, "training": seconds, "evaluation": evaluation}


@torch.no_grad()
def evaluate(network: torch.nn.Sequential, images: np.ndarray, labels: np.ndarray) -> float:
    """Top-1 accuracy."""
    network.eval()
    loader = DataLoader(Images(images, labels), 500)
    return sum(int((network(images).argmax(1) == labels).sum()) for images, labels in loader) / len(labels)
