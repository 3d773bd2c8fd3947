"""How one network of the study is made (the paper's Section 2): which layers, which images, how they are trained.

Nothing here knows where networks are stored or how many are trained at a time; that is the Lab's job.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor, nn

from transferlab import networks, splits, training
from transferlab.datasets import DataSet
from transferlab.engine.checkpoints import Checkpoint
from transferlab.engine.inputs import mean_image
from transferlab.engine.recipes import LEAST_BATCH, Recipe
from transferlab.notation import TASKS, Treatment
from transferlab.numbers import seed_from
from transferlab.transplant import in_likeness, stitch, transplant

MAPPED = 2000  # training images, evenly spaced, by which the map of a stitched network is first fitted


@dataclass(frozen=True, eq=False)
class Experiment:
    """One network of the study: all that determines it, except its donor.

    `recipe` is the recipe of the whole study, with its precision settled. `seed`, 0 or more, fixes the classes of a
    random split and every random choice.

    >>> from transferlab import datasets
    >>> few = datasets.load("kingdoms", train_per_class=2, test_per_class=2)
    >>> a3b = Experiment(few, Recipe(precision="float32", epochs=1), Treatment.parse("A3B"))
    >>> network, history = make(a3b, donor=networks.build("mini", 40, 32, seed=1))
    >>> len(network), len(history), len(a3b.task().classes)
    (8, 1, 40)
    """

    data: DataSet
    recipe: Recipe
    treatment: Treatment
    split: str = "random"
    seed: int = 0

    def __post_init__(self):
        """Reject a seed that is none."""
        object.__setattr__(self, "seed", seed_from(self.seed))

    def task(self, name: str | None = None) -> splits.Task:
        """Return task "A" or "B" of the split (None: the target), with the training images that the recipe allows."""
        name = name or self.treatment.target
        return splits.task(self.data, self.split, self.seed, name).limited(self.recipe.train_per_class.get(name))

    def check(self) -> None:
        """Raise ValueError if the network cannot be trained: too few images, or the network does not take them."""
        images, (_, tests) = self.images(), self._sizes
        if images < LEAST_BATCH or not tests:
            raise ValueError(
                f"task {self.treatment.target} has {images} images to train on and {tests} to test on; it needs "
                f"{LEAST_BATCH} and 1 at least, so use more images of the data set {self.data.name}"
            )
        networks.check(self.recipe.network, len(self.classes()), self.recipe.input_size)

    def images(self) -> int:
        """Return how many images of the target it is trained on, with the recipe's limit."""
        images, _ = self._sizes
        limit = self.recipe.train_per_class.get(self.treatment.target)
        return images if limit is None else min(images, limit * len(self.classes()))

    def classes(self) -> np.ndarray:
        """Return the classes of the target task, as indices into those of the data set."""
        return splits.halves(self.data, self.split, self.seed)[TASKS.index(self.treatment.target)]

    def schedule(self) -> Recipe:
        """Return the recipe, with more epochs if the target has fewer images: as many steps as with all of them."""
        recipe = self.recipe.of(self.treatment)
        return recipe if self._times == 1 else recipe.lengthened(self._times)

    def network(self, donor: nn.Sequential | None = None, top: nn.Sequential | None = None) -> nn.Sequential:
        """Return the network before training: fresh, or its first layers the donor's or random filters.

        A stitched one has a map between these and the upper layers of `top`.
        """
        if self.treatment.source is None:
            return self._fresh("base", self.recipe.initialisation)
        donor = donor or self._fresh("random filters", self.recipe.random_filters)
        if top:
            return stitch(donor, top, self.treatment.n, *(self._outputs(each) for each in (donor, top)))
        fresh = self._fresh("upper layers", self.recipe.initialisation, self.recipe.of(self.treatment).top_width)
        if self.treatment.source == "M":
            return in_likeness(donor, self.treatment.n, fresh, self.seed_for("means and variances"))
        return transplant(donor, self.treatment.transplanted(len(donor)), fresh)

    def mean(self) -> Tensor | None:
        """Return the mean image that crops subtract: as in 2014, that of the task the first layers were trained on."""
        if not self.recipe.crop:
            return None
        return mean_image(self.task(self.treatment.source if self.treatment.source in TASKS else None).train_images)

    def seed_for(self, purpose: str) -> int:
        """Return a separate seed for each purpose, split, seed, target and n.

        The condition is left out on purpose: AnB, BnB and random at the same n start from the same upper layers and see
        the images in the same order, so they differ only by the layers that were copied.
        """
        depth = 0 if purpose == "random filters" else self.treatment.n  # R2B's filters are R3B's first two layers
        text = f"{purpose}/{self.split}/{self.seed}/{self.treatment.target}/{depth}"
        if self.treatment.start > 1 and (not self.treatment.stitched or purpose == "random filters"):
            text += f"/{self.treatment.start}"  # the start of a stitched network is that of its lower layers alone
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def record(self) -> dict:
        """Return all that determines the network, except its donor, as plain values: equal records, equal networks."""
        recipe = self.recipe.record(self.treatment)
        if self._times == 1:
            recipe.pop("train_per_class", None)  # all of them
        # The ratio used to be rounded, not the product. Where both agree, the record stays what it was.
        epochs = self.schedule().epochs
        if epochs != round(self._times) * self.recipe.of(self.treatment).epochs:
            recipe["epochs"] = epochs
        return {
            "treatment": str(self.treatment),
            "split": self.split,
            "seed": self.seed,
            "recipe": recipe,
            "dataset": self.data.name,
            "data": self.data.fingerprint,
            "training": training.VERSION,
        }

    @cached_property
    def _sizes(self) -> tuple[int, int]:
        """How many images the target trains on, without the limit, and is tested on; all labels are counted for it."""
        return splits.sizes(self.data, self.split, self.seed, self.treatment.target)

    @cached_property
    def _times(self) -> float:
        """How many times as many training images the target has without the recipe's limit."""
        limit = self.recipe.train_per_class.get(self.treatment.target)
        if limit is None:
            return 1
        return self._sizes[0] / (limit * len(self.classes()))

    def _outputs(self, network: nn.Sequential) -> Tensor:
        """Return what a network makes of some training images of the target in its first n layers."""
        images = self.task().train_images
        some = images[np.linspace(0, len(images) - 1, min(MAPPED, len(images))).astype(int)]
        return training.predict(network[: self.treatment.n], some, self.recipe, self.mean())

    def _fresh(self, purpose: str, initialisation: str, top_width: int = 1) -> nn.Sequential:
        name, side, classes = self.recipe.network, self.recipe.input_size, len(self.classes())
        top = networks.Top(self.treatment.n, top_width)
        return networks.build(name, classes, side, self.seed_for(purpose), initialisation, top)


def make(
    experiment: Experiment,
    donor: nn.Sequential | None = None,
    device: str = "cpu",
    on_epoch: Callable[[dict], None] = lambda row: None,
    checkpoint: Checkpoint | None = None,
    top: nn.Sequential | None = None,
) -> tuple[nn.Sequential, list[dict]]:
    """Make the network of an experiment: copy, freeze, train. Returns the network, on the device, and its history.

    `donor` is the trained network of `experiment.treatment.parent`, if it has one, and `top` that of its `top`. The
    other arguments, the history and the errors are those of `training.train`.
    """
    network = experiment.network(donor, top)
    history = training.train(
        network,
        experiment.treatment.frozen,
        experiment.task(),
        experiment.schedule(),
        experiment.seed_for("order"),
        device,
        on_epoch,
        experiment.mean(),
        checkpoint,
        experiment.treatment.n,
        experiment.treatment.learned.stop,
    )
    return network, history
