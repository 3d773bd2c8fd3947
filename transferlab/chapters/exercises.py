"""The check cells of the exercises: right, or not yet with a hint."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

NO_ANSWER = "No answer yet: replace ... with your answer, then run both cells again."


def check(answer: Any, expected: Any, hint: str, known: Mapping[Any, str] = {}, within: float = 1e-6) -> None:
    """Say whether `answer` is `expected`: numbers within a relative difference of `within`, anything else exactly.

    A wrong answer gets the `hint`, or the text that `known` has for it; `...`, which means no answer, gets neither.

    >>> check(4608, 4672, "Count again.", {4608: "And the normalisation?"})
    Not yet: And the normalisation?
    >>> check(..., 4672, "Count again.")
    No answer yet: replace ... with your answer, then run both cells again.
    """
    if answer is ... or (isinstance(answer, tuple) and any(part is ... for part in answer)):
        print(NO_ANSWER)
    elif _same(answer, expected, within):
        print("Right.")
    else:
        print(f"Not yet: {next((text for wrong, text in known.items() if _same(answer, wrong, within)), hint)}")


def check_function(mine: Callable, theirs: Callable, cases: Iterable[tuple], hint: str, within: float = 1e-6) -> None:
    """Say whether two functions agree for each tuple of arguments; if not, for which one they differ.

    >>> check_function(abs, lambda number: number, [(2,), (-3,)], "Mind the sign.")
    Not yet: for (-3,) yours returns 3; -3 is right. Mind the sign.
    """
    for case in cases:
        expected = theirs(*case)
        try:
            answer = mine(*case)
        except Exception as error:  # whatever the reader's code does, the answer is a sentence
            print(f"Not yet: for {case} yours stops with {type(error).__name__}: {error}. {hint}")
            return
        if answer is ...:
            print(NO_ANSWER)
            return
        if not _same(answer, expected, within):
            print(f"Not yet: for {case} yours returns {answer!r}; {expected!r} is right. {hint}")
            return
    print("Right.")


def _same(one: Any, other: Any, within: float) -> bool:
    """Whether two values are the same. What cannot be compared, such as an array with a text, is not."""
    try:
        return _equal(one, other, within)
    except Exception:  # a reader's answer can be anything, and whatever comparing it raises, it is not the right one
        return False


def _equal(one: Any, other: Any, within: float) -> bool:
    if isinstance(other, tuple | list):
        return (
            isinstance(one, tuple | list | np.ndarray)
            and len(one) == len(other)
            and all(_equal(a, b, within) for a, b in zip(one, other, strict=True))
        )
    if isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(other, int | float | np.number) and not isinstance(other, bool):
        return bool(np.isclose(float(one), float(other), rtol=within, atol=within * abs(float(other)) + 1e-12))
    return bool(one == other)
