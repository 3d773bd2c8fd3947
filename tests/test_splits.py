import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transferlab import splits

# SHA-256 over the paper's halves A and B of 1000 classes, as int64: made from the class lists of the authors' release
FIRST_TEN = {
    0: [0, 1, 2, 5, 9, 10, 15, 16, 17, 19],
    1: [1, 5, 7, 9, 15, 16, 17, 19, 20, 21],
    2: [0, 2, 4, 5, 8, 9, 10, 13, 15, 17],
    3: [0, 5, 6, 7, 8, 10, 12, 14, 18, 24],
}
DIGESTS = {
    0: "89fb49ea8e993db0fdb81dad5e5e405ce3583a276b95dab387934f63f3b9b9f0",
    1: "fe4874fc06165ab322f5a990ee056a2f54356987acd30dbea8dbb046bb12f13e",
}


@pytest.mark.parametrize("seed", FIRST_TEN)
def test_the_papers_four_splits(seed):
    a, b = splits.random_halves(1000, seed)
    assert a[:10].tolist() == FIRST_TEN[seed]
    assert len(a) == len(b) == 500
    if seed in DIGESTS:
        assert hashlib.sha256(np.concatenate([a, b]).astype("<i8").tobytes()).hexdigest() == DIGESTS[seed]


@given(st.integers(4, 300), st.integers(0, 2**32 - 1))
def test_random_halves_are_sorted_disjoint_and_complete(num_classes, seed):
    a, b = splits.random_halves(num_classes, seed)
    assert sorted([*a, *b]) == list(range(num_classes))
    assert np.all(np.diff(a) > 0)
    assert np.all(np.diff(b) > 0)
    assert len(b) - len(a) in (0, 1)


@given(st.lists(st.integers(2, 9), min_size=2, max_size=12), st.integers(0, 1000))
def test_stratified_halves_divide_every_family(sizes, seed):
    families = tuple(f"family {i}" for i, size in enumerate(sizes) for _ in range(size))
    a, b = splits.stratified_halves(families, seed)
    assert sorted([*a, *b]) == list(range(len(families)))
    assert abs(len(a) - len(b)) <= 1
    for index, size in enumerate(sizes):
        in_a = sum(families[i] == f"family {index}" for i in a)
        assert in_a in (size // 2, size - size // 2)


def test_wrong_arguments_say_what_is_needed(lab):
    with pytest.raises(ValueError, match="3 classes; two tasks need at least 4"):
        splits.random_halves(3, 0)
    with pytest.raises(ValueError, match="seed is -1"):
        splits.random_halves(10, -1)
    with pytest.raises(ValueError, match="no split 'kingdoms'; there are random, kingdom"):
        splits.halves(lab.data, "kingdoms", 0)
    with pytest.raises(ValueError, match=r"2 are natural and 1 man-made.*kingdoms\.csv"):
        splits.kingdom_halves(("natural", "natural", "man-made", None))
    with pytest.raises(ValueError, match="no task 'C'"):
        splits.task(lab.data, "random", 0, "C")


@pytest.mark.parametrize("split", splits.SPLITS)
@pytest.mark.parametrize("seed", [0, 5])
def test_tasks_share_no_class_and_no_image_and_test_on_nothing_they_train_on(lab, split, seed):
    tasks = [splits.task(lab.data, split, seed, name) for name in "AB"]
    assert not {*tasks[0].classes} & {*tasks[1].classes}
    seen = [{image.tobytes() for image in array} for task in tasks for array in (task.train_images, task.test_images)]
    assert len(set.union(*seen)) == sum(map(len, seen)) == len(lab.data.train_labels) + len(lab.data.test_labels)
    for task in tasks:
        assert set(task.train_labels) == set(task.test_labels) == set(range(len(task.classes)))


def test_labels_keep_the_order_of_classes(lab):
    task = splits.task(lab.data, "random", 0, "B")
    for label, index in enumerate(task.classes):
        original = lab.data.train_images[lab.data.train_labels == index]
        assert np.array_equal(task.train_images[task.train_labels == label], original)


def test_the_letters_of_the_kingdoms_are_the_papers(lab):
    a, b = splits.halves(lab.data, "kingdom", 0)
    assert {lab.data.kingdoms[i] for i in a} == {"man-made"}
    assert {lab.data.kingdoms[i] for i in b} == {"natural"}
