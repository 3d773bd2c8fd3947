"""The scales of the study: everything about a training run but its treatment, split and seed."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace

from transferlab.networks import INITIALISATIONS, NETWORKS, is_known
from transferlab.notation import TASKS, Treatment
from transferlab.numbers import is_number, is_whole, plain
from transferlab.system.machine import prefers_bfloat16

PRECISIONS = ("auto", "float32", "bfloat16")
OPTIMIZERS = ("sgd", "adamw")
TUNABLE = ("learning_rate", "copied_rate", "weight_decay", "first_layer_decay", "epochs", "curve_every", "top_width")
LEAST_BATCH = 2  # images a step: batch normalisation divides by their variance


def later(default):
    """A field that older recipes did not have: a record leaves it out where it has its default value."""
    return field(default=default, metadata={"later": True})


def _whole(least: int) -> Callable[[object], bool]:
    return lambda value: is_whole(value, least, 2**31)


def _number(least: float, below: float = math.inf) -> Callable[[object], bool]:
    return lambda value: is_number(value, least, below)


def _one_of(names: Iterable[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in names


def _options(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) and type(each) is int for key, each in value.items())


def _tuned(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) and {*each} <= {*TUNABLE} for each in value.values())


def _images(value: object) -> bool:
    return isinstance(value, dict) and all(key in TASKS and _whole(1)(each) for key, each in value.items())


ALLOWED = (  # fields of a recipe, what they may be, and that in words
    (("network",), is_known, f"one of {', '.join(NETWORKS)}, or one of timm's, such as timm/resnet26"),
    (("precision",), _one_of(PRECISIONS), f"one of {', '.join(PRECISIONS)}"),
    (("optimizer",), _one_of(OPTIMIZERS), f"one of {', '.join(OPTIMIZERS)}"),
    (("random_filters", "initialisation"), _one_of(INITIALISATIONS), f"one of {', '.join(INITIALISATIONS)}"),
    (("size", "epochs", "curve_every", "curve_images", "top_width"), _whole(1), "a whole number, 1 or more"),
    (("batch",), _whole(LEAST_BATCH), f"a whole number, {LEAST_BATCH} or more (batch normalisation needs several)"),
    (("iterations", "drop_every", "crop"), _whole(0), "a whole number, 0 or more"),
    (("learning_rate", "divide_by"), _number(5e-324), "a number above 0"),
    (("warmup", "momentum"), _number(0, 1), "a number from 0 to below 1"),
    (("weight_decay", "first_layer_decay", "bias_rate", "copied_rate"), _number(0), "a number, 0 or more"),
    (("nesterov", "mirror"), lambda value: type(value) is bool, "True or False"),
    (("data",), _options, "options of the data set with whole numbers, such as {'train_per_class': 100}"),
    (("train_per_class",), _images, "images of a class by task, such as {'B': 20}"),
    (("tuned",), _tuned, f"by network, some of {', '.join(TUNABLE)}, such as {{'A7B+': {{'learning_rate': 0.01}}}}"),
)


@dataclass(frozen=True)
class Recipe:
    """How every network of a study is trained. The defaults are the laptop scale."""

    network: str = "mini"  # a name in networks.NETWORKS
    size: int = 32  # pixels, the side of the square images of the data set
    data: dict = field(default_factory=dict)  # options of datasets.load, for a data set that is drawn
    epochs: int = 48  # passes over the training images of the task
    batch: int = 64  # images a step; an incomplete last batch is left out (the order is new each epoch)
    learning_rate: float = 0.1  # the highest, reached after the warm-up; it falls to 0 along a cosine
    warmup: float = 0.1  # share of all steps in which the rate rises from 0
    momentum: float = 0.9  # Nesterov; of AdamW the first beta
    weight_decay: float = 1e-2  # on every parameter above layer 1
    first_layer_decay: float = 0.0  # on layer 1, which otherwise is still moving when the layers above settle
    curve_every: int = 4  # epochs between test accuracies in the learning curve
    curve_images: int = 1000  # test images for those; the last one, which is reported, always uses all
    precision: str = "auto"  # of the arithmetic: "float32", "bfloat16", or what the device does fastest
    random_filters: str = "kaiming"  # how the untrained layers of random networks are drawn: networks.INITIALISATIONS
    train_per_class: dict = field(default_factory=dict)  # such as {"B": 20}: train on so many images of a class of B
    initialisation: str = later("kaiming")  # of layers that are trained from scratch: networks.INITIALISATIONS
    optimizer: str = later("sgd")  # or "adamw" (Loshchilov and Hutter 2019), as is usual for transformers
    iterations: int = later(0)  # steps in all; 0: as many as `epochs` take
    drop_every: int = later(0)  # steps after which the rate falls to a tenth; 0: warm-up and cosine
    nesterov: bool = later(True)
    bias_rate: float = later(1.0)  # of the biases, as a multiple; if it is not 1 they have no weight decay
    crop: int = later(0)  # pixels, the side of random crops minus the mean image of the source task; 0: whole images
    mirror: bool = later(False)  # crops are mirrored, at random
    divide_by: float = later(1.0)  # crops, minus the mean, by this
    copied_rate: float = later(1.0)  # of layers that were copied from a base and learn, as a multiple
    top_width: int = later(1)  # of the layers above those that are copied but the last, as a multiple
    tuned: dict = field(default_factory=dict)  # what single networks have of their own: {"A7B+": {"epochs": 20}}

    def __post_init__(self):
        """Take NumPy's numbers for Python's own, and reject values that cannot be trained with."""
        for each in fields(self):
            object.__setattr__(self, each.name, plain(getattr(self, each.name)))
        for names, allowed, what in ALLOWED:
            for name in names:
                if not allowed(getattr(self, name)):
                    raise ValueError(f"{name} is {getattr(self, name)!r}; it must be {what}")
        for name, own in self.tuned.items():
            Treatment.parse(name)
            try:
                replace(self, tuned={}, **own)
            except ValueError as error:
                raise ValueError(f"tuned has for {name}: {error}") from None
        if self.crop > self.size:
            raise ValueError(f"crop is {self.crop!r}: it does not fit into images of size {self.size!r}")

    @property
    def input_size(self) -> int:
        """The side of the network's input, in pixels."""
        return self.crop or self.size

    def of(self, treatment: Treatment) -> "Recipe":
        """Return the recipe of one network: with the fields that are `tuned` for it, and for no other.

        >>> Recipe(tuned={"A7B+": {"learning_rate": 0.01}}).of(Treatment.parse("A7B+")).learning_rate
        0.01
        """
        return replace(self, tuned={}, **self.tuned.get(str(treatment), {})) if self.tuned else self

    def on(self, device: str) -> "Recipe":
        """Return the recipe with its precision settled for a device ("cpu", "cuda"): bfloat16 where that is faster.

        The choice is part of a run's record, since it can change the last digits.
        """
        if self.precision != "auto":
            return self
        return replace(self, precision="bfloat16" if prefers_bfloat16(device) else "float32")

    def lengthened(self, times: float) -> "Recipe":
        """Return the recipe with `times` as many epochs, rounded, for a task with that many times fewer images."""
        epochs, every = (max(1, round(times * each)) for each in (self.epochs, self.curve_every))
        return replace(self, epochs=epochs, curve_every=every)

    def record(self, treatment: Treatment) -> dict:
        """Return the fields of the recipe that matter to a network, as plain values.

        Others are left out: a base network is the same whatever the random filters are. What is tuned for the network
        is recorded as its own field, so a network is the same whichever way its rate was set.
        """
        values = asdict(self.of(treatment))
        for each in fields(self):
            if each.metadata.get("later") and values[each.name] == each.default:
                del values[each.name]
        del values["tuned"]
        if not treatment.fine_tuned:
            values.pop("copied_rate", None)
        if not treatment.fresh_top:
            values.pop("top_width", None)
        if treatment.source != "R" or self.random_filters == "kaiming":
            del values["random_filters"]
        values["train_per_class"] = self.train_per_class.get(treatment.target)
        if values["train_per_class"] is None:
            del values["train_per_class"]
        return values


OF_TRAINING = {one.name for one in fields(Recipe)} - {"size", "data"}  # the other two are of the images

SCALES = {
    # seconds a network: for tests, and to see whether a chapter runs at all. Accuracies mean nothing.
    "smoke": Recipe(data={"train_per_class": 8, "test_per_class": 8}, epochs=2, batch=32, curve_every=1),
    # about a minute a base network on one core; base networks reach 65 to 80 %
    "laptop": Recipe(data={"train_per_class": 100, "test_per_class": 200}),
    # one's own few images and a donor, which settles their size: as many steps for 80 images as for 800, in smaller
    # batches, at gentler rates. advice.trials says which rates are tried
    "few": Recipe(
        batch=16,
        iterations=150,
        curve_every=1000,
        learning_rate=0.01,
        weight_decay=1e-4,
        first_layer_decay=1e-4,
    ),
    # Kingdoms with four times the pixels and five times the images, for a GPU.
    # Untuned: the laptop recipe, with more images
    "large": Recipe(size=64, data={"train_per_class": 500, "test_per_class": 200}, epochs=24, curve_every=2),
    # 2014's own (the authors' training definitions), for ImageNet at 256 pixels; bases reached 62.5 % on 500 classes
    "paper": Recipe(
        network="caffenet",
        size=256,
        crop=227,
        mirror=True,
        initialisation="gaussian",
        random_filters="gaussian",
        batch=256,
        iterations=450_000,
        learning_rate=0.01,
        drop_every=100_000,
        momentum=0.9,
        nesterov=False,
        weight_decay=5e-4,
        first_layer_decay=5e-4,
        bias_rate=2.0,
        curve_images=5000,
        precision="float32",
    ),
    # the same network in a third of the epochs: scaled initialisation, warm-up and cosine, larger batches, bfloat16.
    # With this rate, batch and length Mishkin et al. (2017) came close to the reference schedule, for CaffeNet at 128
    # pixels. Its accuracy at 227 pixels has not been measured.
    "modern": Recipe(
        network="caffenet",
        size=256,
        crop=227,
        mirror=True,
        divide_by=63.75,
        batch=512,
        epochs=60,
        learning_rate=0.02,
        momentum=0.9,
        weight_decay=5e-4,
        first_layer_decay=5e-4,
        curve_images=5000,
    ),
}

# what a data set needs that is not like Kingdoms, by scale; tests/benchmarks/recipe.py has what was tried
OF_DATASET: dict[str, dict[str, dict]] = {
    "emoji": {
        "smoke": {"data": {"draws": 1, "test_draws": 1}},
        # about two minutes a base network on one core; base networks reach about half of 500 classes
        "laptop": {
            "data": {"draws": 24, "test_draws": 4},
            "epochs": 8,
            "curve_every": 2,
            "learning_rate": 0.2,
            "weight_decay": 3e-3,
        },
        "large": {"data": {"draws": 48, "test_draws": 4}},
    },
}


def recipe_for(scale: str, dataset: str = "kingdoms", **changes) -> Recipe:
    """Return the recipe of a scale for a data set, with some fields changed.

    A data set without a recipe of its own has that of Kingdoms; one for validation has that of the data set itself.
    Raises ValueError for an unknown scale or field.

    >>> recipe_for("laptop", "emoji-validation", batch=128).data["draws"]
    24
    """
    if scale not in SCALES:
        raise ValueError(f"no scale {scale!r}; there are {', '.join(SCALES)}")
    names = [one.name for one in fields(Recipe)]
    unknown = sorted({*changes} - {*names})
    if unknown:
        raise ValueError(f"a recipe has no {', '.join(unknown)}; it has {', '.join(names)}")
    own = OF_DATASET.get(dataset.removesuffix("-validation"), {}).get(scale, {})
    return replace(SCALES[scale], **{**own, **changes})
