"""The parameters of a chapter: what it declares, what papermill hands over as text, and whose networks are shown."""

import re

import nbformat
import pytest

from transferlab.chapters import batch, open_lab, own_networks, say_published
from transferlab.notation import DEPTHS, Treatment
from transferlab.store.sweeps import shown_jobs

CHAPTERS = batch.find([])
EVERY = {
    "dataset", "scale", "split", "seeds", "layers", "runs", "data_root", "device", "cluster", "network", "recipe",
}  # fmt: skip


def opened(tmp_path, declares="", injects="", **values):
    """A chapter's names and its Lab, as after its first cells."""
    names = {
        "dataset": "kingdoms", "scale": "smoke", "split": "random", "seeds": [0], "layers": [1], "data_root": None,
        "runs": tmp_path / "runs", "device": "cpu", "cluster": None, "network": None, "recipe": {},
    }  # fmt: skip
    cells = ["", "\n".join(f"{name} = ..." for name in (*names, *declares.split()))]
    if injects:
        cells.append("# Parameters\n" + "\n".join(f"{name} = ..." for name in injects.split()))
    names |= {"In": [*cells, "open_lab(globals())"], **values}
    return open_lab(names), names


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_declares_what_it_uses(chapter):
    declared = {*batch.declared(chapter)}
    cells = nbformat.read(chapter, as_version=4).cells
    text = re.sub(r"\s+", "", "".join(cell.source for cell in cells if cell.cell_type == "code"))
    assert declared - {"train", "few_layers", "images"} == EVERY
    assert ("train" in declared) == ("own_networks(lab,train" in text or "iftrain:" in text)
    assert ("images" in declared) == ("few_images.own(lab,images" in text or "[:images]" in text)
    assert ("few_layers" in declared) == ("shown_jobs(layers,few_layers" in text)
    assert "runs=None#" in text


def test_a_parameter_that_a_chapter_does_not_declare_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^no parameter train; this chapter knows dataset, scale, .*, recipe$"):
        opened(tmp_path, injects="scale train", train=True)
    opened(tmp_path, declares="train", injects="scale train", train=True)
    with pytest.raises(ValueError, match="no parameter sead; this chapter knows dataset"):
        opened(tmp_path, injects="sead", sead=3)


@pytest.mark.parametrize(
    ("given", "means"), [("true", True), ("True", True), ("false", False), (True, True), (False, False)]
)
def test_train_may_be_a_text(tmp_path, given, means):
    assert opened(tmp_path, train=given)[1]["train"] is means


@pytest.mark.parametrize("given", ["yes", "", 1, None])
def test_train_is_true_or_false(tmp_path, given):
    with pytest.raises(ValueError, match=r"train is .*; it must be True or False"):
        opened(tmp_path, train=given)


@pytest.mark.parametrize("given", [{"batch": 16, "epochs": 5}, "{'batch': 16, 'epochs': 5}"])
def test_a_recipe_changes_the_lab(tmp_path, given):
    lab, names = opened(tmp_path, recipe=given)
    assert (lab.recipe.batch, lab.recipe.epochs) == (16, 5)
    assert names["recipe"] == {"batch": 16, "epochs": 5}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recipe": "batch"}, "recipe is 'batch'; it must be fields of the recipe"),
        ({"recipe": [1]}, r"recipe is \[1\]; it must be fields"),
        ({"recipe": {"bach": 3}}, "a recipe has no 'bach'; it has network, size"),
        ({"recipe": {"device": "cpu"}}, "a recipe has no 'device'"),
        ({"recipe": {"batch": 1}}, "batch is 1; it must be a whole number, 2 or more"),
        ({"recipe": {"network": "vit"}, "network": "resnet18"}, "the network is named twice"),
        ({"few_layers": [8]}, r"few_layers are \[8\]; give a list of one or more of 1, 2"),
        ({"few_layers": "[]"}, r"few_layers is '\[\]'; it must be a list"),
    ],
)
def test_wrong_values_are_named(tmp_path, values, message):
    with pytest.raises(ValueError, match=message):
        opened(tmp_path, **values)


def test_without_runs_the_store_is_that_of_the_lab(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLAB_RUNS", str(tmp_path / "mine"))
    assert opened(tmp_path, runs=None)[0].store.root == tmp_path / "mine"


def test_published_tables_are_never_taken_for_the_readers_data(lab, capsys):
    class Other:
        class data:
            name = "folder"

    say_published(lab)
    assert capsys.readouterr().out == ""
    say_published(Other)
    assert "Not your data: everything below is the published study on Kingdoms" in capsys.readouterr().out


@pytest.mark.parametrize("number", ["08", "09", "10", "11", "12", "13"])
def test_chapters_that_show_published_tables_say_so(number):
    (chapter,) = batch.find([number])
    assert "say_published(lab" in chapter.read_text(encoding="utf-8")


def test_the_networks_that_the_book_shows():
    jobs = shown_jobs()
    treatments = [Treatment.parse(name) for name, _, _ in jobs]
    counts = {name: sum(each.condition == name for each in treatments) for name in {t.condition for t in treatments}}
    assert counts == {"base": 2, "AnB": 7, "BnB": 7, "AnB+": 3, "BnB+": 3, "random": 3}
    assert {each.n for each in treatments if each.condition == "AnB+"} == {1, 4, 7}
    assert len(shown_jobs(few_layers=DEPTHS)) == 37
    assert {each.condition for each in treatments[:2]} == {"base"}
    frozen = [each.frozen for each in treatments[2:]]
    assert frozen == sorted(frozen)  # what takes longest comes first
    two = shown_jobs([2], [3], "kingdom", [5, 4], ("A", "B"), ("base", "AnB"))
    assert two == [(name, "kingdom", seed) for seed in (5, 4) for name in ("baseA", "baseB", "B2A", "A2B")]


def test_networks_that_are_there_are_found_and_no_others_are_trained(lab):
    jobs = shown_jobs([6], [6], seeds=[11], conditions=("base", "AnB"))
    assert own_networks(lab, False, jobs).empty
    assert len(own_networks(lab, True, jobs)) == len(own_networks(lab, False, jobs)) == 3
