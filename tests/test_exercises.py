"""Check cells: an answer is right, wrong with a hint, or not there yet; none of them stops with an error."""

import numpy as np
import pytest

from transferlab.chapters.exercises import check, check_function


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        (4672, 4672, "Right."),
        (4672.0000001, 4672, "Right."),
        (4673, 4672, "Not yet: hint"),
        (7, 4672, "Not yet: seven, why?"),
        ("4672", 4672, "Right."),
        ("many", 4672, "Not yet: hint"),
        (None, 4672, "Not yet: hint"),
        (..., 4672, "No answer yet"),
        ((..., ...), (1, "A"), "No answer yet"),
        ((1, "A"), (1, "A"), "Right."),
        ([1, "A"], (1, "A"), "Right."),
        ((1,), (1, "A"), "Not yet: hint"),
        (np.array([0.03, 0.06]), [0.03, 0.06], "Right."),
        (np.arange(3), np.arange(3), "Right."),
        (float("nan"), 1.0, "Not yet: hint"),
        (True, True, "Right."),
    ],
)
def test_answers(capsys, answer, expected, said):
    check(answer, expected, "hint", {7: "seven, why?"})
    assert capsys.readouterr().out.startswith(said)


def test_a_tolerance(capsys):
    check(0.52, 0.5, "hint", within=0.05)
    check(0.56, 0.5, "hint", within=0.05)
    assert capsys.readouterr().out == "Right.\nNot yet: hint\n"


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (lambda number: -number, "Right."),
        (lambda number: number, "Not yet: for (1,) yours gives 1, where -1 is right. hint"),
        (lambda number: 1 / 0, "Not yet: for (1,) yours stops with ZeroDivisionError: division by zero. hint"),
        (lambda number: ..., "No answer yet"),
    ],
)
def test_functions(capsys, mine, said):
    check_function(mine, lambda number: -number, [(1,), (2,)], "hint")
    assert capsys.readouterr().out.startswith(said)
