"""Pages on what the evidence is worth: every question is answered, links lead somewhere, the table is computed."""

import re
from collections import Counter
from pathlib import Path

import pytest

from transferlab import study

BOOK = Path(__file__).parents[1] / "book"
PAGES = ("limitations", "data_sheet", "emoji", "model_card")
QUESTIONS = (  # of the NeurIPS paper checklist
    "Claims", "Limitations", "Theory", "Reproducibility", "Open access to data and code", "Experimental settings",
    "Statistical significance", "Compute resources", "Code of ethics", "Broader impacts", "Safeguards",
    "Licences for existing assets", "New assets", "Crowdsourcing and human subjects", "IRB approval", "Use of LLMs",
)  # fmt: skip


def read(name):
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


def test_the_checklist_answers_every_question_once():
    checklist = read("limitations").partition("## The checklist")[2]
    _, _, *rows = re.findall(r"^\| (.+) \|$", checklist, re.MULTILINE)
    answers = [row.split(" | ") for row in rows]
    assert Counter(question for question, _, _ in answers) == Counter(QUESTIONS)
    assert {answer for _, answer, _ in answers} <= {"Yes", "No", "Not applicable"}
    assert all(reason for _, _, reason in answers)


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_leads_somewhere(name):
    text = read(name)
    links = re.findall(r"\]\(([^)#]+)", text) + re.findall(r"\{download\}`[^`<]*<([^>]+)>`", text)
    inside = [link for link in links if "://" not in link]
    assert inside and not [link for link in inside if not (BOOK / link).is_file()]


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_is_named_exists(name):
    made_by_study = {"book/results/tuning.csv"}  # the README of the results says how
    named = set(re.findall(r"`((?:book|transferlab)/[\w/.]+)`", read(name))) - made_by_study
    assert not [each for each in named if not (BOOK.parent / each).exists()]


@pytest.mark.parametrize("name", PAGES)
def test_the_book_has_the_page(name):
    assert f"- file: book/{name}\n" in (BOOK.parent / "_toc.yml").read_text(encoding="utf-8")


def results():
    """What the code of the model card shows."""
    code = re.search(
        r"^```\{code-cell\} python\n:tags: .*?\n\n(.*?)\n^```$", read("model_card"), re.DOTALL | re.MULTILINE
    )
    body, _, last = code[1].rpartition("\n")
    names = {}
    exec(f"{body}\ntable = {last}", names)
    return names["table"]


def test_the_table_of_the_card_is_computed_from_the_published_study(monkeypatch):
    published, table = study.published(), results()
    copies = published[published.condition != "base"]
    assert table.networks.to_dict() == copies.groupby(["split", "condition"]).size().to_dict()
    monkeypatch.setattr(
        study, "published", lambda: published.assign(accuracy=published.base_accuracy - (published.seed + 1) / 100)
    )
    assert results().loc[("kingdom", "AnB"), "n = 7"].startswith("−2.0 ± ")


def test_the_tables_of_emoji_are_computed():
    names = {}
    for code in re.findall(
        r"^```\{code-cell\} python\n:tags: .*?\n\n(.*?)\n^```$", read("emoji"), re.DOTALL | re.MULTILINE
    ):
        exec(code, names)
    assert sum(map(len, names["groups"].values())) == 1000
    assert "banana" in names["groups"]["**Food & Drink, natural**"]
    assert not re.search(r"^\|", read("emoji"), re.MULTILINE)


def test_the_card_has_no_typed_table():
    assert not re.search(r"^\|", read("model_card"), re.MULTILINE)
