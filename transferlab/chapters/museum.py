"""The bug museum: five mistakes that re-implementations of the paper have made in public, made here on purpose.

Each function trains an AnB network wrongly and gives its accuracy on the held-out images of B; a right one is
`Lab.run("A3B")`. They are the code that the chapter shows, so that a reader can find the mistake.
"""

from functools import cache

import numpy as np
import torch

from transferlab import networks, training
from transferlab.chapters.exercises import Riddle
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
# What a visitor is asked at each exhibit, and what is said to each answer; which one is right is hashed.
RIDDLES = {
    riddle.name: riddle
    for riddle in (
        Riddle(
            "first",
            "What makes this AnB something else?",
            {
                "a": ("the layers above the cut are not fresh", "they are fresh. Look at fresh(..., seed=4)."),
                "b": (
                    "base A has seen the classes of B",
                    "base A begins with features that were learned on all classes, those of B among them.",
                ),
                "c": ("the first n layers are not frozen", "they are frozen: fit is given n."),
                "d": (
                    "it is scored on the classes of A",
                    "the task is B. Follow the weights of base A back to where they come from.",
                ),
            },
            right="b3629df9",
        ),
        Riddle(
            "second",
            "With n = 7, how many layers of base A, as the paper counts them, does the code keep frozen?",
            {
                "a": ("two", "the first layer is made of three modules and the second of four, since it pools."),
                "b": (
                    "three",
                    "the third layer is not reached. Count off seven modules, beginning with the first convolution.",
                ),
                "c": (
                    "five",
                    "that many layers are convolutions, but their normalisations and ReLUs are counted as well.",
                ),
                "d": ("seven", "seven modules are kept. How many of them are convolutions?"),
            },
            right="3153998c",
        ),
        Riddle(
            "third",
            "Why is there no co-adaptation to be seen?",
            {
                "a": ("the donor should be base A", "a selffer copies from base B."),
                "b": ("the upper layers are the donor's", "transplant takes only the first n layers of the donor."),
                "c": ("nothing is frozen", "fit is given 0, so the copied layers learn on."),
                "d": (
                    "the order of the images is the same as the donor's",
                    "that is so for all networks, and does no harm. What does the third argument of fit say?",
                ),
            },
            right="5112acfd",
        ),
        Riddle(
            "fourth",
            "In what does this network differ from AnB+?",
            {
                "a": (
                    "in nothing",
                    "AnB+ starts with fresh upper layers. What are the upper layers here at the start?",
                ),
                "b": (
                    "its upper layers are not fresh, and it is trained twice",
                    "it goes on from a finished AnB, so that it has had two schedules where the base has had one.",
                ),
                "c": ("its lower layers stay frozen", "fit is told that nothing is frozen."),
                "d": (
                    "its lower layers come from base B",
                    "AnB begins with the layers of base A. How many epochs were the upper layers trained in all?",
                ),
            },
            right="14cf0709",
        ),
        Riddle(
            "fifth",
            "What changes below the cut while the upper layers are trained?",
            {
                "a": ("nothing", "compare state_dict() before and after."),
                "b": ("the weights, by weight decay", "an optimiser skips what has no gradient."),
                "c": (
                    "the scales of the batch normalisation",
                    "the scales are parameters, and fixed. Which tensors of a layer are not parameters?",
                ),
                "d": (
                    "the means and variances that batch normalisation keeps",
                    "they are no parameters, so requires_grad does not hold them: every batch moves them.",
                ),
            },
            right="5588edd8",
        ),
    )
}
