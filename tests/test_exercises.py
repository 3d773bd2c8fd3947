"""Check cells: an answer is right, wrong with a hint, or not there yet; none of them stops with an error."""

import contextlib
import io

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

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
        (lambda number: number, "Not yet: for (1,) yours returns 1; -1 is right. hint"),
        (lambda number: 1 / 0, "Not yet: for (1,) yours stops with ZeroDivisionError: division by zero. hint"),
        (lambda number: ..., "No answer yet"),
    ],
)
def test_functions(capsys, mine, said):
    check_function(mine, lambda number: -number, [(1,), (2,)], "hint")
    assert capsys.readouterr().out.startswith(said)


class Unwilling:
    """An answer that cannot even be compared."""

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.just(10**400),
    st.sampled_from(
        [np.arange(3), np.array(2.5), np.array(["a", "b"]), np.float32(1), np.zeros((2, 2)), np.array([{}, None])]
    ),
    st.sampled_from([torch.arange(3), pd.Series([1, 2]), pd.DataFrame({"a": [1]}), pd.NA, Unwilling(), int, len]),
)
ANYTHING = st.recursive(PLAIN, lambda inner: st.one_of(st.lists(inner, max_size=3), st.tuples(inner, inner)))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(ANYTHING, ANYTHING)
def test_any_answer_to_any_question_gets_a_sentence(answer, expected):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        check(answer, expected, "hint", {"a": "letters?", 1: "one?", (1, 2): "two?"})
    assert said.getvalue().split(":")[0].strip() in ("Right.", "Not yet")


def test_an_array_where_a_letter_is_asked_for(capsys):
    check(np.array(["c", "d"]), "c", "hint")
    check(np.array([1, 2]), 1, "hint")
    assert capsys.readouterr().out == "Not yet: hint\n" * 2
