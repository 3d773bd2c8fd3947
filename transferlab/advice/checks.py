"""What goes wrong with a folder of images and a donor, looked for before anything is trained."""

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from transferlab.datasets import DataSet
from transferlab.datasets.alike import groups
from transferlab.datasets.folder import Files
from transferlab.datasets.images import formats
from transferlab.donors import Donor
from transferlab.engine.inputs import to_input

FEW = 10  # images of a class to train on
UNEVEN = 3  # times as many images in the largest class as in the smallest
NAMED = 3  # files that a sentence names
BATCH = 16  # images a step of a usual training: whose own statistics a batch norm would take
MOVED = 0.05  # of the outputs: what a reader should know of
NORMALISATIONS = (nn.modules.batchnorm._BatchNorm,)


@dataclass(frozen=True)
class Check:
    """What was looked at, whether something is wrong with it, and a sentence that says so."""

    name: str
    wrong: bool
    sentence: str


def of_folder(data: DataSet, files: dict[str, Files] | None, unreadable: list[str], given_val: bool) -> list[Check]:
    """Look at the images themselves.

    Args:
        data: the images, as the donor sees them.
        files: the files that they come from, by part, as `folder.list_parts` returns them; None where nobody knows.
        unreadable: those that could not be read.
        given_val: whether the folder itself says which images are for validation.
    """
    return [
        *_unread(unreadable),
        _same_pictures(data, files, given_val),
        *_counts(data),
        *([] if files is None else [_sizes(files, data.train_images.shape[-1])]),
        _grey(data),
    ]


def of_donor(donor: Donor, data: DataSet) -> list[Check]:
    """Look at how the donor's blocks meet the images."""
    return [_normalisation(donor, data), _batch_norm(donor, data)]


def _unread(unreadable: list[str]) -> Iterator[Check]:
    if unreadable:
        yield Check("unreadable images", True, f"{_files(len(unreadable), unreadable)} could not be read: left out.")


def _same_pictures(data: DataSet, files: dict[str, Files] | None, given_val: bool) -> Check:
    name, picture = "the same picture twice", groups(data)
    labels = np.concatenate([data.train_labels, data.test_labels])
    where = np.arange(len(labels)) >= len(data.train_labels)
    paths = [path for part in ("train", "test") for path, _ in files[part]] if files else []
    usable = labels >= 0
    across, apart, again = [], [], 0
    for one in np.flatnonzero(np.bincount(picture[usable]) > 1):
        members = np.flatnonzero((picture == one) & usable)
        again += len(members) - 1
        if len({*labels[members]}) > 1:
            apart.append(members)
        elif len({*where[members]}) > 1:
            across.append(members)

    def pairs(found: list[np.ndarray]) -> str:
        named = [" and ".join(os.path.join(*Path(paths[row]).parts[-3:]) for row in members[:2]) for members in found]
        return f" ({'; '.join(named[:NAMED])}{'; ...' * (len(named) > NAMED)})" if paths else ""

    if apart:
        return Check(
            name,
            True,
            f"{_pictures(apart)} in two classes{pairs(apart)}: one of the labels is wrong, mend that.",
        )
    if across and given_val:
        return Check(
            name, True,
            f"{_pictures(across)} in train and in val{pairs(across)}: they would flatter the accuracy on val, "
            "so here they are left out of train; remove them from one of the two.",
        )  # fmt: skip
    if again:
        return Check(
            name,
            True,
            f"{again} images are there as copies too{pairs(across)}: all copies count as one picture, in one fold.",
        )
    return Check(name, False, f"No picture is there twice, by perceptual hash, among {int(usable.sum())}.")


def _counts(data: DataSet) -> Iterator[Check]:
    labels = np.concatenate([data.train_labels, data.test_labels])
    counts = np.bincount(labels[labels >= 0], minlength=len(data.class_names))
    few = [data.class_names[label] for label in np.flatnonzero(counts < FEW)]
    least, most = int(counts.min()), int(counts.max())
    said = f"{len(counts)} classes have {least} to {most} images each." if least < most else (
        f"Each of {len(counts)} classes has {least} images."
    )  # fmt: skip
    if few:
        said = (
            f"{len(few)} of {len(counts)} classes have fewer than {FEW} images ({_some(few)}; the least {least}): "
            "expect wide intervals, and few more images to help most."
        )
    yield Check("images of a class", bool(few), said)
    if most >= UNEVEN * least:
        largest, smallest = (data.class_names[int(place)] for place in (counts.argmax(), counts.argmin()))
        yield Check(
            "balance", True,
            f"{largest} has {most} images, {smallest} {least}: below, every class weighs the same, so an accuracy here "
            "is not the share of all images.",
        )  # fmt: skip
    else:
        yield Check("balance", False, f"The largest class has less than {UNEVEN} times as many images as the smallest.")


def _sizes(files: dict[str, Files], size: int) -> Check:
    name, small, least = "images smaller than the input", [], size
    for path, _ in (each for part in files.values() for each in part):
        try:
            with Image.open(path, formats=formats()) as image:
                side = min(image.size)
        except Exception:  # noqa: S112 - whatever a decoder says; the preparation has named the file
            continue
        if side < size:
            small.append(path)
            least = min(least, side)
    if small:
        return Check(
            name, True,
            f"{_files(len(small), small)} {'is' if len(small) == 1 else 'are'} smaller than the {size} pixels of the "
            f"input (the smallest has {least}): scaled up, they have no details for the donor's first blocks to see.",
        )  # fmt: skip
    return Check(name, False, f"Every image has the {size} pixels that the input needs, or more.")


def _grey(data: DataSet) -> Check:
    grey = total = 0
    for images in (data.train_images, data.test_images):
        for start in range(0, len(images), 256):
            part = np.asarray(images[start : start + 256])
            grey += int((part == part[:, :1]).all((1, 2, 3)).sum())
            total += len(part)
    name = "one channel"
    if grey:
        return Check(
            name, True,
            f"{grey} of {total} images are grey: the three channels of the input get the same values, and what the "
            "donor knows of colour is of no use for them.",
        )  # fmt: skip
    return Check(name, False, "The images have colours.")


def _normalisation(donor: Donor, data: DataSet) -> Check:
    """Compare the pixels, as the donor gets them, with what weights are used to: about 0, spread about 1."""
    name, first = "normalisation", donor.layers[0]
    values = to_input(_sample(data, 64), "float32")
    own = first[0] if isinstance(first, nn.Sequential) and hasattr(first[0], "deviation") else None
    if own is None:
        return Check(name, False, "The donor was trained here: its images were normalised as these are.")
    values = own.cpu()(values)
    middle, spread = float(values.mean()), float(values.std())
    whose = "those of torchvision's weights, which a file does not say, so they are assumed" if donor.assumed else (
        "the weights' own"
    )  # fmt: skip
    said = f"Mean and deviation are {whose}; after them your pixels are {middle:.1f} on average, spread {spread:.1f}"
    if abs(middle) > 1 or not 0.4 < spread < 2.5:
        return Check(
            name, True, f"{said}: far from the 0 and 1 that the donor is used to; are they pictures of pixels?"
        )
    return Check(name, donor.assumed, f"{said}.")


@torch.no_grad()
def _batch_norm(donor: Donor, data: DataSet) -> Check:
    """Measure what frozen blocks put out if their batch norm takes the statistics of a batch."""
    name, body = "batch norm of frozen blocks", donor.layers[:-1].cpu()
    count = sum(isinstance(module, NORMALISATIONS) for module in body.modules())
    if not count:
        return Check(name, False, "The donor has no batch norm: frozen blocks put out the same in any mode.")
    images = to_input(_sample(data, BATCH), "float32")
    usual, moving = body(images), copy.deepcopy(body).train()(images)
    moved = float((usual - moving).norm() / usual.norm())
    return Check(
        name, moved > MOVED,
        f"The donor has {count} layers of batch norm: if frozen blocks are left in training mode, with batches of "
        f"{len(images)}, what they put out differs by {100 * moved:.0f} %, so call eval() on them after every train(); "
        "here that is done.",
    )  # fmt: skip


def _sample(data: DataSet, count: int) -> np.ndarray:
    rows = np.flatnonzero(data.train_labels >= 0)
    return np.asarray(data.train_images[rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]])


def trainable(data: DataSet) -> str:
    """Say why nothing can be learned from a data set, or nothing if something can.

    >>> from transferlab import datasets
    >>> trainable(datasets.load("kingdoms", train_per_class=2, test_per_class=2))
    ''
    """
    labels = np.concatenate([data.train_labels, data.test_labels])
    pictures = groups(data)
    single = [
        name for label, name in enumerate(data.class_names) if len({*pictures[(labels == label)].tolist()}) < 2
    ]  # fmt: skip
    if len(data.class_names) < 2:
        return f"there is one class, {_some(list(data.class_names))}; two or more are needed to tell apart"
    if single:
        return f"{_some(single)} has one picture, and no other to test on; a class needs 2 or more"
    return ""


def _files(count: int, paths: list[str]) -> str:
    named = ", ".join(os.path.join(*Path(path).parts[-2:]) for path in paths[:NAMED])
    return f"{count} {'image' if count == 1 else 'images'} ({named}{', ...' * (count > NAMED)})"


def _pictures(found: list) -> str:
    return f"{len(found)} {'picture is' if len(found) == 1 else 'pictures are'}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + ", ..." * (len(names) > NAMED)
