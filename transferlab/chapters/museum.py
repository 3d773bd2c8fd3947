"""The bug museum: five mistakes that re-implementations of the paper have made in public, made here on purpose.

Each function trains an AnB network wrongly and gives its accuracy on the held-out images of B; a right one is
`Lab.run("A3B")`. They are the code that the chapter shows, so that a reader can find the mistake.
"""

from functools import cache

import numpy as np
import torch

from transferlab import networks, training
from transferlab.lab import Lab
from transferlab.splits import Task
from transferlab.system.machine import one_thread
from transferlab.transplant import transplant


def fresh(lab: Lab, classes: int, seed: int) -> torch.nn.Sequential:
    """Return an untrained network."""
    return networks.build(lab.recipe.network, classes, lab.recipe.input_size, seed)


def fit(lab: Lab, network: torch.nn.Sequential, frozen: int, task: Task) -> float:
    """Train all but the first `frozen` layers; return the accuracy (0..1) on held-out images of the task."""
    with one_thread(lab.device):
        return training.train(network, frozen, task, lab.recipe, seed=1, device=lab.device)[-1]["test_accuracy"]


def everything(lab: Lab) -> Task:
    """Return all classes of the data set as one task."""
    data = lab.data
    parts = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    return Task("A and B", np.arange(len(data.class_names)), *parts)


@cache
def started_early(lab: Lab, split: str, seed: int) -> torch.nn.Sequential:
    """Base A, which begins with the features of a network at hand."""
    task = lab.task("A", split, seed)
    at_hand = fresh(lab, len(lab.data.class_names), seed=2)
    fit(lab, at_hand, 0, everything(lab))
    base_a = transplant(at_hand, 7, fresh(lab, len(task.classes), seed=3))
    fit(lab, base_a, 0, task)
    return base_a


def first(lab: Lab, n: int, split: str, seed: int) -> float:
    """A transfer from base A."""
    donor, task = started_early(lab, split, seed), lab.task("B", split, seed)
    patient = transplant(donor, n, fresh(lab, len(task.classes), seed=4))
    return fit(lab, patient, n, task)


def second(lab: Lab, n: int, split: str, seed: int) -> float:
    """The first n modules of base A are copied and kept."""
    donor = lab.run("baseA", split, seed).network()
    task = lab.task("B", split, seed)
    patient = fresh(lab, len(task.classes), seed=4)
    theirs = [module for layer in donor for module in layer.children()]
    ours = [module for layer in patient for module in layer.children()]
    for copied, module in zip(theirs[:n], ours[:n], strict=True):
        module.load_state_dict(copied.state_dict())
        module.requires_grad_(False)
    kept = ours[:n]
    whole = sum(all(m in kept for m in layer.children()) for layer in patient)
    return fit(lab, patient, whole, task)


def third(lab: Lab, n: int, split: str, seed: int) -> float:
    """A selffer: n layers of base B, and fresh ones, trained on B."""
    donor = lab.run("baseB", split, seed).network()
    task = lab.task("B", split, seed)
    patient = transplant(donor, n, fresh(lab, len(task.classes), seed=4))
    return fit(lab, patient, 0, task)


def fourth(lab: Lab, n: int, split: str, seed: int) -> float:
    """Fine-tuning: the transfer network goes on learning, as a whole."""
    patient = lab.run(f"A{n}B", split, seed).network()
    return fit(lab, patient, 0, lab.task("B", split, seed))


def fifth(lab: Lab, n: int, split: str, seed: int) -> float:
    """A transfer: nothing below the cut takes a gradient."""
    donor = lab.run("baseA", split, seed).network()
    task = lab.task("B", split, seed)
    patient = transplant(donor, n, fresh(lab, len(task.classes), seed=4))
    patient[:n].requires_grad_(False)
    return fit(lab, patient, 0, task)


EXHIBITS = {"first": first, "second": second, "third": third, "fourth": fourth, "fifth": fifth}
RIGHT = {"first": "AnB", "second": "AnB", "third": "BnB", "fourth": "AnB+", "fifth": "AnB"}  # what each meant to be
