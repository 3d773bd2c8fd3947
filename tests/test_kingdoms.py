"""The drawn data set: its tree, its determinism, and that its pictures carry what a network must learn."""

import hashlib
from itertools import combinations, repeat

import numpy as np
import pytest

from transferlab.datasets.kingdoms import CLASSES, FAMILIES, TREE, draw, draw_class
from transferlab.datasets.kingdoms.shapes import Canvas

CHECKSUM = "3c2805049d2e837fe92e9840761075be709c92162e752506122e86e2c4f8c47a"  # of four images of every class


def test_tree_is_two_kingdoms_of_eight_families_of_five_species():
    assert list(TREE) == ["natural", "man-made"]
    assert [len(families) for families in TREE.values()] == [8, 8]
    assert all(len(species) == 5 for families in TREE.values() for species in families.values())
    assert len({species.title for species in CLASSES}) == len(CLASSES) == 80
    assert [species.kingdom for species in CLASSES] == ["natural"] * 40 + ["man-made"] * 40
    assert [species.index for species in CLASSES] == list(range(5)) * 16
    assert CLASSES[0].title == "flower/trillium"


def test_draw_gives_images_and_labels_class_by_class():
    images, labels = draw(per_class=2, size=16, workers=1)
    assert images.shape == (160, 3, 16, 16) and images.dtype == np.uint8
    assert labels.dtype == np.int64 and labels.tolist() == np.repeat(np.arange(80), 2).tolist()
    assert np.array_equal(images[14:16], draw_class(7, 2, size=16))


def test_processes_change_nothing():
    alone, together = (draw(per_class=2, seed=3, workers=workers)[0] for workers in (1, 2))
    assert np.array_equal(alone, together)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 33])
def test_a_longer_draw_begins_with_the_shorter_one(count):
    assert np.array_equal(draw_class(20, 70)[:count], draw_class(20, count))


def test_parts_seeds_and_classes_differ():
    draws = [draw_class(5, 4), draw_class(5, 4, part="test"), draw_class(5, 4, seed=1), draw_class(6, 4)]
    images = np.concatenate(draws)
    assert len({image.tobytes() for image in images}) == 16


def test_the_pictures_are_the_same_on_every_machine():
    images, _ = draw(per_class=4, workers=1)
    assert hashlib.sha256(images.tobytes()).hexdigest() == CHECKSUM


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"part": "validation"}, "part is 'validation'; it must be one of 'train', 'test'"),
        ({"index": 80}, "class index is 80; it must be from 0 to 79"),
        ({"index": -1}, "class index is -1"),
        ({"size": 4}, "size 4"),
        ({"count": -1}, "count -1"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_errors_say_what_was_given_and_what_is_allowed(wrong, message):
    with pytest.raises(ValueError, match=message):
        draw_class(**({"index": 0, "count": 1} | wrong))


def test_a_larger_picture_shows_the_same_scene():
    """Only the grain differs: 64-pixel images, halved, are close to the 32-pixel ones."""
    for index in (0, 22, 45, 70):
        small, large = draw_class(index, 8) / 255, draw_class(index, 8, size=64) / 255
        halved = large.reshape(8, 3, 32, 2, 32, 2).mean((3, 5))
        same, other = np.abs(halved - small).mean(), np.abs(halved - small[::-1]).mean()
        assert same < 0.08 < 0.12 < other


@pytest.mark.parametrize("index", range(80), ids=[species.title for species in CLASSES])
def test_pictures_vary_and_use_the_range(index):
    images = draw_class(index, 24) / 255
    assert images.std(0).mean() > 0.12  # from picture to picture
    assert np.median(images.std((2, 3))) > 0.06  # within a picture
    assert np.percentile(images, 95) - np.percentile(images, 5) > 0.4
    assert np.mean((images == 0) | (images == 1)) < 0.1  # clipped


def plain_drawing(family, species):
    """Coverage and tone of one species with every random number at its middle, [2, 32, 32]."""
    ticks = (np.arange(32) + 0.5) / 16 - 1
    x, y = np.meshgrid(ticks, -ticks)
    middle = np.full((1, 1, 1), 0.5)
    cover, tone = family(Canvas(x[None], y[None], middle / 8, repeat(middle)), species)
    return np.concatenate([cover, cover * tone])


@pytest.mark.parametrize("family", [f for each in FAMILIES.values() for f in each], ids=lambda f: f.__name__)
def test_species_of_a_family_are_drawn_differently_and_inside_the_picture(family):
    """In shape or texture: posed alike and without colour, any two differ in over 2.5 % of the picture."""
    species = next(each[family] for each in FAMILIES.values() if family in each)
    drawings = [plain_drawing(family, name) for name in species]
    for name, (cover, tone) in zip(species, drawings, strict=True):
        assert min(cover.min(), tone.min()) >= 0 and max(cover.max(), tone.max()) <= 1, name
        assert 0.1 < cover.mean() < 0.85, name
        assert cover[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0, name  # the corners are free
    for (a, first), (b, second) in combinations(zip(species, drawings, strict=True), 2):
        assert np.abs(first - second).max(0).mean() > 0.025, (a, b)
