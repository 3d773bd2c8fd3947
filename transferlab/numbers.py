"""Numbers as readers have them: Python's own, NumPy's and PyTorch's are the same numbers, and True is none of them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

SEEDS = 2**32  # a seed is below it: NumPy's legacy generator takes no more


def plain(value: Any) -> Any:
    """Return numbers as Python's own, also inside of dictionaries, lists and tuples; anything else as it is.

    A network is filed under the text of its settings, so `np.int64(3)` must not be told from 3. Of a shorter float,
    such as `np.float32(0.1)`, the number that it is written as is taken: 0.1.

    Args:
        value: anything.

    Returns:
        An int, float or bool for a scalar of NumPy or PyTorch (arrays without dimensions included).

    >>> plain({"B": np.int64(20)}), plain(np.float32(0.1)), plain([np.True_, "3"])
    ({'B': 20}, 0.1, [True, '3'])
    """
    if type(value) is dict:
        return {plain(key): plain(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    if isinstance(value, np.ndarray):
        value = value[()]
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.datetime64 | np.timedelta64):  # .item() would make numbers of some
        return value
    return value.item()


def is_whole(value: object, least: int = 0, below: float = float("inf")) -> bool:
    """Whether a value is a whole number from `least` to below `below`; a bool is not, and neither is 3.0.

    >>> is_whole(np.uint8(3)), is_whole(3.0), is_whole(True), is_whole(-1)
    (True, False, False, False)
    """
    number = plain(value)
    return type(number) is int and least <= number < below


def is_number(value: object, least: float, below: float = float("inf")) -> bool:
    """Whether a value is a number from `least` to below `below`, whole or not; neither a bool nor NaN is.

    >>> is_number(np.float64(0.1), 0), is_number(1, 0, 1), is_number(float("nan"), 0), is_number(True, 0)
    (True, False, False, False)
    """
    number = plain(value)
    return type(number) in (int, float) and least <= number < below


def seed_from(value: Any) -> int:
    """Return a seed as Python's own int; raises ValueError unless it is a whole number from 0 to below SEEDS.

    >>> seed_from(np.int64(7))
    7
    """
    if not is_whole(value, 0, SEEDS):
        raise ValueError(f"the seed is {value!r}; it must be a whole number from 0 to {SEEDS - 1}")
    return plain(value)


def listed(values: Any) -> list:
    """Return the members of any collection but a text or a mapping as a list, numbers as Python's own.

    Anything that is no such collection is its only member.

    >>> listed(np.arange(3)), listed(range(2)), listed("AnB"), listed(np.int64(4))
    ([0, 1, 2], [0, 1], ['AnB'], [4])
    """
    value = plain(values)
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return [value]
    return [plain(each) for each in value]
