"""Check cells: an answer is right, wrong with a hint, or not there yet; none of them stops with an error."""

import ast
import contextlib
import io
import re
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transferlab.chapters import museum
from transferlab.chapters.exercises import LONGEST, NO_ANSWER, check, check_function, fnv1a, hashed

CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
(MUSEUM,) = (path for path in CHAPTERS if "museum" in path.stem)
HASH = re.compile(r"(ex-[\w-]+):[0-9a-f]{12}")


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
        (" b", "B", "Right."),
        ("bnb−AnB", "BnB - AnB", "Right."),
        (4672, lambda: 4672, "Right."),
        (4672, lambda: 1 / 0, "This check needs the cells above it"),
        (..., lambda: 1 / 0, "No answer yet"),
        ([...], [1], "No answer yet"),
    ],
)
def test_answers(capsys, answer, expected, said):
    check(answer, expected, "hint", {7: "seven, why?"})
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize(
    ("answer", "expected", "digits", "right"),
    [
        ("b", "B", 4, True),
        ("c", "B", 4, False),
        (4672, 4672, 4, True),
        ("4672", 4672, 4, True),
        (np.float32(4672), 4672, 4, True),
        (torch.tensor(4672), 4672, 4, True),
        (4673, 4672, 4, False),
        (6.9, np.log(1000), 2, True),
        (6.9, np.log(1000), 3, False),
        ((500, "a"), (500, "A"), 4, True),
        (np.array([0.03, 0.06]), [0.03, 0.06], 2, True),
        ([0.03], [0.03, 0.06], 2, False),
        (-0.0, 0, 3, True),
        (None, "B", 4, False),
        (np.zeros(1000), "B", 4, False),
    ],
)
def test_hashed_answers(capsys, answer, expected, digits, right):
    check(answer, hashed(expected, "ex-some", digits), "hint", digits=digits)
    assert capsys.readouterr().out == ("Right.\n" if right else "Not yet: hint\n")


def test_a_hash_is_that_of_one_exercise():
    assert HASH.fullmatch(hashed("b", "ex-one"))
    assert hashed("b", "ex-one").split(":")[1] != hashed("b", "ex-two").split(":")[1]


def test_hashed_wrong_answers_have_their_hints(capsys):
    known = {hashed("a", "ex-some"): "why a?", hashed((1, 2), "ex-some"): "why two?"}
    for answer in ("A", (1, 2), "d"):
        check(answer, hashed("b", "ex-some"), "hint", known)
    assert capsys.readouterr().out == "Not yet: why a?\nNot yet: why two?\nNot yet: hint\n"


def test_a_tolerance(capsys):
    check(0.52, 0.5, "hint", within=0.05)
    check(0.56, 0.5, "hint", within=0.05)
    assert capsys.readouterr().out == "Right.\nNot yet: hint\n"


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (lambda number: -number, "Right."),
        (lambda number: number, "Not yet: for 1 yours returns 1, and -1 is right. hint"),
        (lambda number: 1 / 0, "Not yet: for 1 yours stops with ZeroDivisionError: division by zero. hint"),
        (lambda number: ..., "No answer yet"),
    ],
)
def test_functions(capsys, mine, said):
    check_function(mine, lambda number: -number, [(1,), (2,)], "hint")
    assert capsys.readouterr().out.startswith(said)


def said_of(mine, theirs, *cases):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        check_function(mine, theirs, cases, "And a hint that is read to its end.")
    return said.getvalue()


class Silent:
    """An answer that cannot be written."""

    def __repr__(self):
        raise RuntimeError("no")


def test_an_answer_that_cannot_be_written_gets_a_sentence():
    assert said_of(Silent, lambda: 1, ()).startswith("Not yet: yours returns something of type Silent, and 1 is right.")


def test_messages_are_short():
    kingdoms = ("natural", "man-made") * 40
    many = said_of(lambda kinds: [1, 2], lambda kinds: [list(range(40)), list(range(40, 80))], (kingdoms,))
    assert many.startswith("Not yet: for ('natural', 'man-made', ")
    assert "(80 in all)) yours returns [1, 2], and [[0, 1," in many and many.endswith("read to its end.\n")
    matrices = said_of(lambda x, y: 0.5, lambda x, y: 0.25, (torch.rand(50, 8), torch.rand(50, 5)))
    assert matrices.startswith(
        "Not yet: for Tensor of shape (50, 8), Tensor of shape (50, 5) yours returns 0.5, and 0.25"
    )
    alone = said_of(lambda: 0.125, lambda: 2.5, ())
    assert alone == "Not yet: yours returns 0.125, and 2.5 is right. And a hint that is read to its end.\n"


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
        check(answer, expected, "hint" * 100, {"a": "letters?", 1: "one?", (1, 2): "two?"})
        check(answer, hashed("b", "ex-some"), "hint", {hashed("a", "ex-some"): "letters?"})
    told = said.getvalue().splitlines()
    assert len(told) == 2 and max(map(len, told)) <= LONGEST
    assert all(each.startswith(("Right.", "Not yet: ", "This check needs", "No answer")) for each in told)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(ANYTHING, ANYTHING, st.lists(ANYTHING, max_size=3))
def test_whatever_a_function_returns_the_sentence_is_short(answer, expected, case):
    def fail(*_):
        raise ValueError(answer)

    for mine in (lambda *_: answer, fail):
        said = said_of(mine, lambda *_: expected, tuple(case))
        assert said.count("\n") == 1 and len(said) <= LONGEST + 1


def test_an_array_where_a_letter_is_asked_for(capsys):
    check(np.array(["c", "d"]), "c", "hint")
    check(np.array([1, 2]), 1, "hint")
    assert capsys.readouterr().out == "Not yet: hint\n" * 2


# --- the exercises of the chapters ---------------------------------------------------------------------------


def cells_of(path):
    return nbformat.read(path, as_version=4).cells


def check_cells(path):
    return [cell for cell in cells_of(path) if cell.cell_type == "code" and re.search("^def check_", cell.source, re.M)]


def exercises(path):
    """The blocks of the exercises of a chapter, by label."""
    text = "\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "markdown")
    blocks = re.findall(r"^(`{3,})(\{exercise\}.*?)^\1$", text, re.M | re.S)
    return {re.search(r":label: (\S+)", block)[1]: block for _, block in blocks}


each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


@each_chapter
def test_check_cells_are_folded(path):
    assert all("hide-cell" in cell.metadata.get("tags", []) for cell in check_cells(path))


@each_chapter
def test_no_check_cell_shows_its_answer(path):
    """What is expected is a hash of this chapter's exercise, or is computed elsewhere; so are wrong answers."""
    for cell in check_cells(path):
        tree = ast.parse(cell.source)
        constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        hashes = {value for value in constants if isinstance(value, str) and HASH.fullmatch(value)}
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in ("check", "check_function"):
                continue
            expected = call.args[1]
            if isinstance(expected, ast.Constant):
                assert expected.value in hashes
                assert HASH.fullmatch(expected.value)[1] in exercises(path)
            elif isinstance(expected, ast.Lambda):
                assert ast.unparse(expected.body).startswith("answers.")
            else:
                assert isinstance(expected, ast.Attribute | ast.Name)
            for known in (each for each in call.args[3:4] if isinstance(each, ast.Dict)):
                for key in known.keys:
                    assert not isinstance(key, ast.Constant) or key.value in hashes, ast.unparse(key)
        for value in constants - hashes:
            for digits in (2, 3, 4):
                assert not any(hashed(value, one.split(":")[0], digits) == one for one in hashes), value


@each_chapter
def test_every_check_cell_has_a_solution_that_is_right(path):
    for cell in check_cells(path):
        call = re.search(r"^def (check_\w+)\(", cell.source, re.M)[1] + "()"
        said = [each.outputs for each in cells_of(path) if each is not cell and each.source.rstrip().endswith(call)]
        assert [[output.text for output in outputs] for outputs in said] == [[NO_ANSWER + "\n"], ["Right.\n"]]


@each_chapter
def test_every_exercise_practises_a_goal_of_its_chapter(path):
    goals = re.findall(r"^(\d)\. ", cells_of(path)[0].source.split("What you will learn")[1], re.M)
    assert goals == [str(number) for number in range(1, len(goals) + 1)] and len(goals) >= 2
    assert exercises(path)
    for label, block in exercises(path).items():
        (goal,) = re.findall(r"^\*Practises goal (\d)\.\*$", block, re.M)
        assert goal in goals, label


@each_chapter
def test_every_exercise_has_a_solution(path):
    text = "\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "markdown")
    assert set(exercises(path)) == set(re.findall(r"\{solution(?:-start)?\} (\S+)", text))


@pytest.mark.parametrize("riddle", museum.RIDDLES.values(), ids=museum.RIDDLES)
def test_a_riddle_has_one_right_answer_which_is_that_of_the_solution(riddle):
    assert list(riddle.choices) == list("abcd")
    (right,) = filter(riddle.is_right, riddle.choices)
    text = "\n".join(cell.source for cell in cells_of(MUSEUM))
    number = list(museum.RIDDLES).index(riddle.name) + 1
    assert re.search(rf"{{solution-start}} ex-exhibit-{number}\n.*?The answer is \*\*(\w)\*\*", text, re.S)[1] == right
    assert all(reply and len(reply) < LONGEST - 10 for _, reply in riddle.choices.values())
    assert f'riddle(museum.RIDDLES["{riddle.name}"])' in text


def test_the_hash_of_the_page_is_fnv1a():
    assert [fnv1a(text) for text in ("", "a", "foobar")] == ["811c9dc5", "e40c292c", "bf9cf968"]


def test_no_two_exercises_have_one_label():
    texts = [cell.source for path in CHAPTERS for cell in cells_of(path) if cell.cell_type == "markdown"]
    labels = Counter(label for text in texts for label in re.findall(r"^:label: (\S+)$", text, re.M))
    assert labels and not [label for label, count in labels.items() if count > 1]
