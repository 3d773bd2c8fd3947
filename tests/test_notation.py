import pytest
from hypothesis import given
from hypothesis import strategies as st

from transferlab import Treatment
from transferlab.notation import CONDITIONS, CUTS, lineage

NAMES = ["baseA", "baseB"]
NAMES += [f"{s}{n}{t}{plus}" for s in "AB" for n in CUTS for t in "AB" for plus in ("", "+", "++")]
NAMES += [f"R{n}{t}" for n in CUTS for t in "AB"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_reads_and_writes_back(name):
    treatment = Treatment.parse(name)
    assert str(treatment) == name
    assert Treatment.parse(treatment) is treatment
    assert Treatment.of(treatment.condition, treatment.n, treatment.target) == treatment


@pytest.mark.parametrize(
    ("name", "source", "n", "target", "fine_tuned", "condition", "parent", "frozen"),
    [
        ("A3B+", "A", 3, "B", True, "AnB+", "baseA", 0),
        ("B3A", "B", 3, "A", False, "AnB", "baseB", 3),
        ("B5B", "B", 5, "B", False, "BnB", "baseB", 5),
        ("A1A+", "A", 1, "A", True, "BnB+", "baseA", 0),
        ("A3B++", "A", 3, "B", True, "AnB++", "A3B", 0),
        ("B7B++", "B", 7, "B", True, "BnB++", "B7B", 0),
        ("R2B", "R", 2, "B", False, "random", None, 2),
        ("baseA", None, 0, "A", False, "base", None, 0),
    ],
)
def test_what_a_name_means(name, source, n, target, fine_tuned, condition, parent, frozen):
    t = Treatment.parse(name)
    assert (t.source, t.n, t.target, t.fine_tuned, t.condition) == (source, n, target, fine_tuned, condition)
    assert (t.parent and str(t.parent)) == parent
    assert t.frozen == frozen


WRONG = [
    "A0B",
    "A9B",
    "C3B",
    "R2B+",
    "A3C",
    "a3b",
    "A3B+++",
    "R2B++",
    "baseB++",
    "A3B ",
    "",
    "base",
    "baseC",
    "baseB+",
    "A33B",
    "３",
    None,
    3,
]


@pytest.mark.parametrize("name", WRONG)
def test_other_names_are_refused_with_what_is_allowed(name):
    with pytest.raises(ValueError, match=r"no such network.*baseA, baseB.*A3B\+.*R3B|no such network.*A3B") as caught:
        Treatment.parse(name)
    assert repr(name) in str(caught.value)


@given(st.text(max_size=6) | st.from_regex(r"[AB][1-8][AB]\+{0,3}", fullmatch=True))
def test_any_text_either_is_a_name_or_raises_value_error(text):
    if text in NAMES:
        assert str(Treatment.parse(text)) == text
    else:
        with pytest.raises(ValueError, match="no such network"):
            Treatment.parse(text)


@given(
    st.sampled_from([None, "A", "B", "R", "C"]),
    st.sampled_from([-1, 0, 1, 8, 9, True, 2.0]),
    st.sampled_from("ABC"),
    st.sampled_from([False, True, 1]),
    st.sampled_from([False, True, 0]),
)
def test_a_treatment_made_by_hand_obeys_the_same_rules(source, n, target, fine_tuned, two_stage):
    try:
        treatment = Treatment(source, n, target, fine_tuned, two_stage)
    except ValueError:
        return
    assert str(treatment) in NAMES


def test_a_second_stage_waits_for_the_first():
    assert lineage(("B4A++", "kingdom", 2)) == [(name, "kingdom", 2) for name in ("B4A++", "B4A", "baseB")]
    assert lineage(("R3B", "random", 0)) == [("R3B", "random", 0)]
    assert [Treatment.parse(name).transplanted() for name in ("A4B", "A4B+", "A4B++", "baseB", "R2B")] == [
        4,
        4,
        8,
        0,
        2,
    ]
    assert (Treatment.parse("A8B").transplanted(9), Treatment.parse("A8B++").transplanted(9)) == (8, 9)


def test_conditions_have_an_order_and_unknown_ones_are_refused():
    assert CONDITIONS[0] == "base"
    with pytest.raises(ValueError, match="allowed are base, BnB"):
        Treatment.of("CnB", 3)
    with pytest.raises(ValueError, match="no such task: 'C'"):
        Treatment.of("AnB", 3, "C")
