"""CIFAR-100 in its published format, `cifar-100-python/` with its pickles, read and checked by torchvision."""

from pathlib import Path

import numpy as np

# the 20 coarse classes with their five classes each (Krizhevsky 2009, Chapter 3)
MANMADE = {
    "food containers": "bottle bowl can cup plate",
    "household electrical devices": "clock keyboard lamp telephone television",
    "household furniture": "bed chair couch table wardrobe",
    "large man-made outdoor things": "bridge castle house road skyscraper",
    "vehicles 1": "bicycle bus motorcycle pickup_truck train",
    "vehicles 2": "lawn_mower rocket streetcar tank tractor",
}
NATURAL = {
    "aquatic mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "fruit and vegetables": "apple mushroom orange pear sweet_pepper",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large carnivores": "bear leopard lion tiger wolf",
    "large natural outdoor scenes": "cloud forest mountain plain sea",
    "large omnivores and herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium-sized mammals": "fox porcupine possum raccoon skunk",
    "non-insect invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
}
COARSE = {name: coarse for coarse, names in (MANMADE | NATURAL).items() for name in names.split()}


def read_cifar100(data_root: str | Path | None = None, size: int = 32, download: bool = False) -> dict:
    """Return the fields of a DataSet from CIFAR-100: 50,000 + 10,000 images of 32 pixels, 100 classes.

    Families are the 20 coarse classes. The six kinds of things that people make (MANMADE, 30 classes) are man-made, the
    other fourteen (70 classes) natural. `download` fetches the 169 MB archive first; by default nothing is fetched.
    Raises ValueError for another `size`, and FileNotFoundError if the files are missing or do not have the published
    md5 sums, which are checked before any pickle is read.
    """
    if data_root is None:
        raise ValueError('the data set "cifar100" needs data_root, the folder that holds cifar-100-python/')
    if size != 32:
        raise ValueError(f"CIFAR-100 has images of 32 pixels; got size={size}")
    from transferlab.system.torchvision import torchvision  # here, since it takes a second to import

    try:
        parts = [torchvision.datasets.CIFAR100(data_root, train, download=download) for train in (True, False)]
    except RuntimeError as error:
        raise FileNotFoundError(
            f"{Path(data_root) / 'cifar-100-python'} is missing or incomplete (torchvision: {error}). Unpack "
            "cifar-100-python.tar.gz in data_root, or let datasets.load('cifar100', ..., download=True) fetch it"
        ) from error
    names = tuple(parts[0].classes)
    if unknown := sorted({*names} - {*COARSE}):
        raise ValueError(f"these files have classes that are not in CIFAR-100: {', '.join(unknown)}")
    fields = {}
    for part, data in zip(("train", "test"), parts, strict=True):
        fields[f"{part}_images"] = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
        fields[f"{part}_labels"] = np.array(data.targets, np.int64)
    families = tuple(COARSE[name] for name in names)
    kingdoms = tuple("man-made" if family in MANMADE else "natural" for family in families)
    return fields | {"class_names": names, "kingdoms": kingdoms, "families": families}
