"""The same picture twice: saved again, scaled, a little brighter; and pictures that only look alike to a hash."""

import numpy as np
import pytest
from PIL import Image

from transferlab import datasets, splits
from transferlab.datasets.alike import groups


@pytest.fixture(scope="module")
def pictures():
    """Twelve Kingdoms, one a class, as images of Pillow's."""
    data = datasets.load("kingdoms", train_per_class=8, test_per_class=8)
    return [Image.fromarray(image.transpose(1, 2, 0)) for image in data.train_images[::54][:12]]


def as_data(train, test):
    arrays = [np.stack([np.asarray(image.convert("RGB").resize((48, 48))) for image in part]) for part in (train, test)]
    arrays = [array.transpose(0, 3, 1, 2) for array in arrays]
    labels = [np.arange(len(part)) % 2 for part in (train, test)]
    return datasets.DataSet("folder", arrays[0], labels[0], arrays[1], labels[1], ("a", "b"), (None, None))


CHANGES = {
    "saved again": lambda image, tmp: (image.save(tmp / "again.jpg", quality=80), Image.open(tmp / "again.jpg"))[1],
    "scaled": lambda image, tmp: image.resize((96, 96)).resize((40, 40)),
    "brighter": lambda image, tmp: image.point(lambda value: min(255, value + 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_the_same_picture(change, pictures, tmp_path):
    copies = [CHANGES[change](image.resize((48, 48)), tmp_path) for image in pictures[:4]]
    found = groups(as_data(pictures, copies))
    assert found[:12].tolist() == [*range(12)], "twelve pictures are twelve"
    assert found[12:].tolist() == [0, 1, 2, 3]


def test_flat_pictures_differ_although_their_hashes_do_not():
    flat = [Image.new("RGB", (48, 48), (grey, grey, grey)) for grey in (0, 90, 180, 90)]
    assert groups(as_data(flat[:3], flat[3:])).tolist() == [0, 1, 2, 1]


def test_no_picture_is_in_two_folds(pictures):
    data = as_data([*pictures[:6], *pictures[:6]], pictures[6:])
    for split in ("folds", "validation"):
        for seed in range(splits.fold_count(data)):
            task = splits.task(data, split, seed, "B")
            trained, tested = ({image.tobytes() for image in np.asarray(part)} for part in (
                task.train_images, task.test_images
            ))  # fmt: skip
            assert not trained & tested
