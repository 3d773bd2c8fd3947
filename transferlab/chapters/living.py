"""The study's networks as a page can run them: weights, images and features in two script files (`web/living/`).

A page that was opened from a disk may load scripts but read no other file, so the numbers travel in scripts: as bytes,
compressed by gzip, whose checksum tells the page when they are damaged, in base 85, five letters for four bytes.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from transferlab import training
from transferlab.engine.inputs import outputs, to_input
from transferlab.lab import Lab
from transferlab.networks import LAYER_NAMES
from transferlab.notation import DEPTHS, TASKS, Job, Treatment
from transferlab.splits import Task
from transferlab.store import Run
from transferlab.store.sweeps import sweep_jobs
from transferlab.system.machine import one_thread

CONDITIONS = ("base", "AnB", "BnB", "random")  # those of frozen layers: what is shared is stored once
SHOWN_PER_CLASS = 2  # held-out images of a class that the page has
HELD_PER_CLASS = 25  # held-out images of a class on which tops that are trained in the page are tested
FEATURES_OF = 6  # layers; the page computes those of 7 from them
# Steps of the rounded weights in their root mean square, for a layer of 100,000 weights. Smaller layers have more, by
# the square root: their weights cost less. Random filters have outputs that differ little from image to image, and the
# layer trained on them magnifies the difference: both need more digits.
STEPS, STEPS_ABOVE_RANDOM, STEPS_OF_RANDOM = 36, 84, 600


def jobs(split: str = "random", seed: int = 0, layers: Iterable[int] = DEPTHS) -> list[Job]:
    """List the networks of the page, parents first.

    >>> len(jobs()), jobs(layers=[7])[-1]
    (23, ('R7B', 'random', 0))
    """
    return sweep_jobs(CONDITIONS, layers, split, [seed], ["B"])


def export(
    lab: Lab, folder: Path, split: str = "random", seed: int = 0, layers: Iterable[int] = DEPTHS
) -> dict[str, int]:
    """Write `weights.js` and `features.js` for the page into `folder`; return their sizes in bytes.

    Networks that the store lacks are trained. Raises ValueError for a Lab whose network is not `mini` or whose recipe
    crops: the page computes that network and no other, on whole images.
    """
    if lab.recipe.network != "mini" or lab.recipe.crop:
        raise ValueError(f"the page runs the network mini on whole images; the recipe has {lab.recipe.network!r}")
    wanted = jobs(split, seed, layers)
    lab.train(wanted)
    runs = [lab.run(*job) for job in wanted]
    folder.mkdir(parents=True, exist_ok=True)
    with one_thread("cpu"):
        texts = {"weights": weights(lab, runs), "features": features(lab, runs)}
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="ascii")
    return {name: len(text) for name, text in texts.items()}


class Parcel:
    """Arrays in one file. `add` says where an array will be; `script` is the file, with a description of it all."""

    def __init__(self):
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, array: np.ndarray) -> dict:
        """Add an array of type float32, uint8 or int16; return where it is, for the description.

        An int16 has its sign in the lowest bit (0, -1, 1, -2 are 0, 1, 2, 3), and all high bytes come before all low
        ones: most weights are small, so the high bytes are zeros that gzip makes vanish.
        """
        where = {"type": array.dtype.name, "at": self.size, "length": int(array.size)}
        flat = np.ascontiguousarray(array).ravel()
        if array.dtype == np.int16:
            positive = np.where(flat < 0, -2 * flat.astype(np.int32) - 1, 2 * flat.astype(np.int32)).astype(np.uint16)
            flat = np.concatenate([positive >> 8, positive & 255]).astype(np.uint8)
        self.parts.append(flat.astype(flat.dtype.newbyteorder("<")).tobytes())
        self.size += len(self.parts[-1])
        return where

    def script(self, name: str, description: dict) -> str:
        """Return the script: it sets `livingData[name]` to letters of a length and of the gzip of what there is.

        That is again a length, the description, and the arrays. No letter of base 85 ends a text in JavaScript.
        """
        head = json.dumps(description, allow_nan=False, ensure_ascii=False).encode()
        packed = gzip.compress(len(head).to_bytes(4, "little") + head + b"".join(self.parts), 9, mtime=0)
        letters = base64.b85encode(len(packed).to_bytes(4, "big") + packed, pad=True).decode()
        return f'(self.livingData ??= {{}}).{name} = "{letters}";\n'


def weights(lab: Lab, runs: list[Run]) -> str:
    """Return the script with the networks, and with held-out images of both tasks."""
    parcel, split, seed = Parcel(), runs[0].spec["split"], runs[0].spec["seed"]
    tasks = {name: lab.task(name, split, seed) for name in TASKS}
    shown = {name: first_of_each(task.test_labels, SHOWN_PER_CLASS) for name, task in tasks.items()}
    pixels = np.concatenate([np.asarray(tasks[name].test_images[rows]) for name, rows in shown.items()])
    names: dict[str, list] = {
        name: [lab.data.class_names[index].replace("_", " ") for index in task.classes] for name, task in tasks.items()
    }
    layers: dict[str, dict] = {}
    kept: dict[str, Tensor] = {"": to_input(pixels, "float32")}  # the outputs of layers for these images
    networks = {}
    for run in runs:
        network, below, ids = run.network(), "", []
        for index, name in enumerate(LAYER_NAMES):
            key = _digest(below, network[index])
            if key not in layers:
                kept[key] = outputs(network[index : index + 1], kept[below], "float32")
                steps = _steps(run.treatment, index)
                layers[key] = {"name": name, **layer(parcel, network[index], steps), **best(parcel, kept[key])}
            ids.append(list(layers).index(key))
            below = key
        treatment = run.treatment
        networks[str(treatment)] = {
            "layers": ids,
            "source": treatment.source,
            "n": treatment.n,
            "target": treatment.target,
            "accuracy": round(run.accuracy, 4),
        }
    description = {
        "scale": lab.scale,
        "split": split,
        "seed": seed,
        "side": lab.recipe.size,
        "layers": list(layers.values()),
        "networks": networks,
        "classes": names,
        "images": {
            "task": [name for name, rows in shown.items() for _ in rows],
            "label": [int(label) for name, rows in shown.items() for label in tasks[name].test_labels[rows]],
            # a pixel less its left neighbour, which takes less room
            "pixels": parcel.add(np.diff(pixels, axis=3, prepend=np.uint8(0))),
        },
    }
    return parcel.script("weights", description)


def layer(parcel: Parcel, module: nn.Module, steps: int) -> dict[str, Any]:
    """Add a layer; return what it is. Its normalisation is folded into it.

    With whole numbers `w`, the layer's output is `relu(scale * pool(sum(w * input)) + shift)`: a scale for each
    channel, which may be negative, and so must come after pooling. All channels of a layer are rounded to the same
    step *after* folding, so that rounding does the same to each output. For `steps` see STEPS.
    """
    parts = dict(module.named_children())
    inner = parts.get("conv") or parts["fc"]
    if not isinstance(inner, nn.Conv2d | nn.Linear):
        raise TypeError(f"a layer of mini has a convolution or a matrix; got {inner}")
    raw = _numbers(inner.weight).reshape(len(inner.weight), -1)
    scale, shift = np.ones(len(raw)), np.zeros(len(raw))
    norm = parts.get("norm")
    if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
        assert norm.running_mean is not None and norm.running_var is not None  # mini's normalisation keeps both
        scale = _numbers(norm.weight) / np.sqrt(_numbers(norm.running_var) + norm.eps)
        shift = _numbers(norm.bias) - scale * _numbers(norm.running_mean)
    if inner.bias is not None:
        shift = shift + scale * _numbers(inner.bias)
    folded = raw * np.abs(scale)[:, None]
    steps_here = steps * (100_000 / raw.size) ** 0.5
    step = max(float(np.sqrt(np.mean(folded**2))) / steps_here, float(np.abs(folded).max()) / 32767, 1e-12)
    told: dict[str, Any] = {"inputs": inner.weight.shape[1], "outputs": len(raw), "relu": "relu" in parts}
    if isinstance(inner, nn.Conv2d):
        told |= {"kernel": inner.kernel_size[0], "stride": inner.stride[0], "pool": "pool" in parts}
    return told | {
        "weights": parcel.add(np.round(folded / step).astype(np.int16)),
        "scale": parcel.add((np.where(scale < 0, -1, 1) * step).astype(np.float32)),
        "shift": parcel.add(shift.astype(np.float32)),
    }


def best(parcel: Parcel, activations: Tensor) -> dict:
    """Add, for every channel or unit, which of the page's images excites it most, and where: image, row, column."""
    images, units = activations.shape[:2]
    side = activations.shape[-1] if activations.dim() == 4 else 1
    place = activations.transpose(0, 1).reshape(units, -1).argmax(1).numpy()
    found = np.stack([place // side**2, place % side**2 // side, place % side], 1)
    assert images <= 256, "an image's number must fit a byte"
    return {"best": parcel.add(found.astype(np.uint8))}


def features(lab: Lab, runs: list[Run]) -> str:
    """Return the script with what layer 6 of base A, base B and random filters says of the images of task B.

    It is what the package caches when it trains the layers above frozen ones, rounded to 255 steps for each unit.
    """
    parcel, split, seed = Parcel(), runs[0].spec["split"], runs[0].spec["seed"]
    task = lab.task("B", split, seed)
    held = first_of_each(task.test_labels, HELD_PER_CLASS)
    images = [to_input(part, "float32") for part in (task.train_images, np.asarray(task.test_images[held]))]
    sources = {}
    for source in (*TASKS, "R"):
        frozen = _frozen(lab, source, split, seed)
        values = np.concatenate([outputs(frozen, part, "float32").numpy() for part in images])
        top = np.maximum(values.max(0), 1e-12)
        rounded = np.round(values / top * 255).astype(np.uint8)
        sources[source] = {
            "step": parcel.add((top / 255).astype(np.float32)),
            "values": parcel.add(rounded.T),  # unit by unit: like beside like takes less room
        }
    recipe = lab.recipe
    description = {
        "sources": sources,
        "units": int(values.shape[1]),
        "classes": len(task.classes),
        "train": parcel.add(task.train_labels.astype(np.uint8)),
        "held": parcel.add(task.test_labels[held].astype(np.uint8)),
        "recipe": {
            "epochs": recipe.epochs,
            "batch": min(recipe.batch, len(task.train_labels)),
            "rate": recipe.learning_rate,
            "warmup": recipe.warmup,
            "momentum": recipe.momentum,
            "decay": recipe.weight_decay,
            "every": recipe.curve_every,
        },
        "package": _accuracies(lab, runs, task, held),
    }
    return parcel.script("features", description)


def first_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the rows of the first `count` images of every class, in the order of the classes.

    >>> first_of_each(np.array([1, 0, 1, 0, 1]), 2).tolist()
    [1, 3, 0, 2]
    """
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)])


def float_answers(lab: Lab, network: nn.Module, images: np.ndarray) -> Tensor:
    """Return a network's logits in float32, the page's own precision, whatever the precision of the recipe."""
    return training.predict(network, images, replace(lab.recipe, precision="float32"))


def _accuracies(lab: Lab, runs: list[Run], task: Task, held: np.ndarray) -> dict[str, float]:
    """Return how often the package's own networks are right on the images that the page tests its tops on."""
    images, labels = np.asarray(task.test_images[held]), task.test_labels[held]
    right = {
        str(run.treatment): float_answers(lab, run.network(), images).argmax(1).numpy() == labels
        for run in runs
        if run.treatment.n >= FEATURES_OF
    }
    return {name: round(float(each.mean()), 4) for name, each in right.items()}


def _frozen(lab: Lab, source: str, split: str, seed: int) -> nn.Module:
    """Return the layers whose outputs are the features; random filters need no training."""
    if source == "R":
        return lab.experiment(Treatment.of("random", FEATURES_OF), split, seed).network()[:FEATURES_OF]
    return lab.run(f"base{source}", split, seed).network()[:FEATURES_OF]


def _numbers(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def _steps(treatment: Treatment, index: int) -> int:
    if treatment.condition != "random":
        return STEPS
    return STEPS_OF_RANDOM if index < treatment.n else STEPS_ABOVE_RANDOM


def _digest(below: str, module: nn.Module) -> str:
    """Name a layer by its tensors and by those of all layers below it: two equal names, the same maps."""
    digest = hashlib.sha256(below.encode())
    for name, tensor in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
