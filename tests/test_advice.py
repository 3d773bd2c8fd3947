"""Where to cut: features, probes, checks, the answer and its page, on folders made for it."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from transferlab import Lab, advice, advise, datasets, donors
from transferlab.advice import checks, evidence, features, probes, sentences, trials
from transferlab.advice.evidence import Estimate
from transferlab.chapters import advice_page
from transferlab.datasets import kingdoms
from transferlab.datasets.folder import list_parts
from transferlab.datasets.prepare import prepare
from transferlab.engine import recipes

MANY = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """A cache of its own, so that nothing is found there that a test did not put there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRANSFERLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A base network in a run store of its own."""
    lab = Lab(scale="smoke", runs=tmp_path_factory.mktemp("runs"), at_once=1)
    return lab.run("baseA")


@pytest.fixture(scope="module")
def runs(base):
    return base.path.parents[1]


def drawn(root, count=6, classes=(0, 30, 60), size=40, part="train"):
    """Save Kingdoms as photographs, `count` of each class."""
    for index in classes:
        folder = root / f"class{index:02}"
        folder.mkdir(parents=True, exist_ok=True)
        for place, pixels in enumerate(kingdoms.draw_class(index, count, size=size, part=part)):
            Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"{place}.png")
    return root


@pytest.fixture
def photos(tmp_path):
    return drawn(tmp_path / "photos")


# --- evidence ------------------------------------------------------------------------------------


@MANY
@given(st.lists(st.booleans(), min_size=8, max_size=60), st.integers(1, 4))
def test_an_interval_holds_its_value_and_never_leaves_0_to_1(right, folds):
    tested = evidence.HeldOut(np.arange(len(right)) % 2, np.arange(len(right)) // 2 % folds)
    found = evidence.accuracy(np.array(right), tested)
    assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high
    apart = evidence.difference(np.array(right), ~np.array(right), tested)
    assert -1 <= apart.value <= 1 and apart.low < apart.high and apart.low <= apart.value <= apart.high
    mirrored = evidence.difference(~np.array(right), np.array(right), tested)
    assert mirrored.value == pytest.approx(-apart.value) and mirrored.low == pytest.approx(-apart.high)


def test_every_class_weighs_the_same():
    tested = evidence.HeldOut(np.array([0] * 9 + [1]), np.zeros(10))
    assert evidence.accuracy(np.array([True] * 9 + [False]), tested).value == pytest.approx(0.5)


def test_folds_widen_an_interval():
    """Images tested in folds share training images; and folds that differ more than chance says count as they do."""
    right, labels = np.arange(100) % 5 > 0, np.arange(100) % 2
    one, five = (
        evidence.accuracy(right, evidence.HeldOut(labels, np.arange(100) // (100 // count))) for count in (1, 5)
    )
    assert five.half > 1.4 * one.half
    uneven = np.repeat([False, True, True, True, True], 20)
    assert evidence.accuracy(uneven, evidence.HeldOut(labels, np.arange(100) // 20)).half > 1.4 * five.half


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Without shared training images: 95 of 100, by simulation, also where nearly all is right."""
    draw = np.random.default_rng(0)
    for truth in (0.5, 0.8, 0.97):
        tested = evidence.HeldOut(np.arange(80) % 4, np.zeros(80))
        found = [evidence.accuracy(draw.random(80) < truth, tested) for _ in range(400)]
        assert 0.9 < np.mean([each.low <= truth <= each.high for each in found]) < 0.99


def test_so_many_images_would_decide():
    tested = evidence.HeldOut(np.arange(240) % 8, np.zeros(240))
    near, far = (Estimate(value, value - 0.08, value + 0.08, 0.04) for value in (0.03, 0.1))
    assert evidence.images_to_decide(near, tested) > 5 * evidence.images_to_decide(far, tested)
    assert evidence.images_to_decide(Estimate(0.0, -0.08, 0.08, 0.04), tested) is None
    assert evidence.images_to_decide(Estimate(0.001, -0.08, 0.08, 0.04), tested) is None
    draw = np.random.default_rng(1)  # with as many, 80 of 100 such studies would see it
    more = evidence.images_to_decide(Estimate(0.1, 0, 0.2, 0.05), evidence.HeldOut(np.arange(200) % 4, np.zeros(200)))
    count = 200 + 4 * more
    seen = []
    for _ in range(200):
        apart = draw.choice([1.0, 0.0, -1.0], count, p=[0.3, 0.5, 0.2])  # its error at 200 images is 0.05
        seen.append(
            evidence.difference(apart > 0, apart < 0, evidence.HeldOut(np.arange(count) % 4, np.zeros(count))).low > 0
        )
    assert 0.7 < np.mean(seen) < 0.97


def test_a_choice_is_paid_for_on_other_images():
    """Of many ways that guess, the best looks good; chosen on other folds it is worth nothing."""
    draw, tested = np.random.default_rng(0), evidence.HeldOut(np.arange(200) % 2, np.arange(200) % 5)
    right = {way: draw.random(200) < 0.5 for way in range(50)}
    best = max(each.mean() for each in right.values())
    assert best > 0.56 and abs(evidence.elsewhere(right, tested).mean() - 0.5) < 0.05


# --- the answer ----------------------------------------------------------------------------------

PHRASES = {cut: sentences.probe_phrase(cut, 8) for cut in (5, 7, 8)}


def answers(shares, count=400, classes=4):
    tested = evidence.HeldOut(np.arange(count) % classes, np.arange(count) // classes % 5)
    place = (np.arange(count) * 7919 % count) / count  # the same images are hard for all
    return sentences.answer({cut: place < share for cut, share in shares.items()}, tested, 8, PHRASES)


def test_the_answer_is_the_simple_rule_unless_another_cut_is_clearly_better():
    better = answers({5: 0.9, 7: 0.7, 8: 0.6})
    assert (better.verdict, better.advised) == ("better", 5) and better.gain.low > 0
    assert better.sentence.startswith("Keep blocks 1 to 5 with a linear classifier on them: 90 % ± ")
    assert "The simple rule, keeping all 8 blocks" in better.sentence and "+30 points" in better.sentence
    same = answers({5: 0.5, 7: 0.7, 8: 0.8})
    assert (same.verdict, same.advised) == ("the same", 8)
    assert same.sentence.endswith("That is the simple rule, and no other way is better.")


def test_undecided_says_how_many_images_would_tell():
    found = answers({5: 0.60, 8: 0.55}, count=40)
    assert (found.verdict, found.advised) == ("undecided", 8) and found.more_images
    assert f"about {found.more_images} more images a class would tell" in found.sentence
    assert found.sentence.startswith("Undecided between keeping blocks 1 to 5")


def test_as_good_is_said_where_nothing_much_can_be_gained():
    found = answers({7: 0.8005, 8: 0.8}, count=4000)
    assert (found.verdict, found.advised) == (
        "as good",
        8,
    ) and "it is as good as keeping blocks 1 to 7" in found.sentence


def test_guessing_is_called_guessing():
    found = answers({5: 0.26, 8: 0.24}, count=80)
    assert found.verdict == "useless" and found.sentence.endswith("and guessing 25 %.")


# --- features ------------------------------------------------------------------------------------


def test_features_are_those_of_the_layers_and_computed_once(base, monkeypatch):
    donor = donors.find(base)
    images = kingdoms.draw_class(3, 70)
    found = features.of_all_cuts(donor, images)
    assert found.cuts == tuple(range(1, 8)) and [len(each) for each in found.arrays] == [70] * 7
    values = features.to_input(images, "float32")
    for layer, array in zip(donor.layers, found.arrays, strict=False):
        values = layer(values)
        np.testing.assert_allclose(features.pooled(values).detach().numpy(), array, rtol=1e-4, atol=1e-5)
    assert found.milliseconds == sorted(found.milliseconds) and found.megabytes == sorted(found.megabytes)
    asked, real = [], features._computed
    monkeypatch.setattr(
        features, "_computed", lambda donor, few, device: asked.append(len(few)) or real(donor, few, device)
    )
    new = kingdoms.draw_class(4, 1)
    again = features.of_all_cuts(donor, np.concatenate([images[::-1], new, new]))
    assert asked == [1], "what is known is not computed again, nor is a copy"
    for mine, theirs in zip(again.arrays, found.arrays, strict=True):
        assert np.array_equal(mine[:70], theirs[::-1]) and np.array_equal(mine[70], mine[71])


def test_interrupted_or_damaged_it_goes_on(base, monkeypatch):
    donor, images = donors.find(base), kingdoms.draw_class(5, 80)
    real, asked = features._computed, []

    def stop(donor, few, device):
        asked.append(len(few))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(donor, few, device)

    monkeypatch.setattr(features, "_computed", stop)
    with pytest.raises(KeyboardInterrupt):
        features.of_all_cuts(donor, images)
    whole = features.of_all_cuts(donor, images)
    assert asked == [32, 32, 32, 16]
    folder = features.cache.folder() / "features"
    newest = max(folder.rglob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    again = features.of_all_cuts(donor, images)
    assert asked == [32, 32, 32, 16, 16]
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(whole.arrays, again.arrays, strict=True))


def test_a_gpu_without_room_takes_fewer_images_at_a_time_and_then_says_so(base, monkeypatch):
    donor, images, real, asked = donors.find(base), kingdoms.draw_class(6, 5), features._batches, []

    def full(donor, few, device, batch):
        asked.append(batch)
        if batch > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(donor, few, device, batch)

    monkeypatch.setattr(features, "_batches", full)
    most = 0
    with pytest.raises(RuntimeError, match=r"has no room for one image of 32 pixels in baseA .*; close what else"):
        features.of_all_cuts(donor, images)
    assert asked == [5, 3, 2, 1]
    most = 2
    assert len(features.of_all_cuts(donor, images).arrays[0]) == 5


# --- probes --------------------------------------------------------------------------------------


def test_a_probe_learns_what_can_be_learned_and_chooses_its_regularisation_inside():
    draw = np.random.default_rng(0)
    labels = np.arange(60) % 3
    clear = (np.eye(3)[labels] * 4 + draw.normal(size=(60, 3))).astype(np.float32)
    wide = np.concatenate([clear, draw.normal(size=(60, 200))], 1).astype(np.float32)
    train, test = np.arange(40), np.arange(40, 60)
    assert (probes.answers(clear, labels, train, test) == labels[test]).mean() > 0.8
    assert (probes.answers(wide, labels, train, test) == labels[test]).mean() > 0.5
    strengths = {probes.fitted(each[train], labels[train])[-1].C for each in (clear, wide)}
    assert strengths <= {*probes.STRENGTHS}
    only = np.array([0, 1, 2])  # one image a class: nothing to choose on
    assert probes.fitted(clear[only], labels[only])[-1].C == probes.USUAL


def test_noise_is_guessed():
    draw = np.random.default_rng(0)
    noise, labels = draw.normal(size=(200, 30)).astype(np.float32), np.arange(200) % 2
    right = probes.answers(noise, labels, np.arange(100), np.arange(100, 200)) == labels[100:]
    assert 0.35 < right.mean() < 0.65


# --- checks --------------------------------------------------------------------------------------


def wrong(found):
    return {check.name: check.sentence for check in found if check.wrong}


def looked_at(root, runs, base):
    """What is wrong with a folder that has a val, by the checks alone."""
    files, prepared = list_parts("folder", root)[0], root.parent / "prepared"
    unreadable = prepare("folder", root, prepared, 32, workers=1)
    lab = Lab("folder", data_root=prepared, runs=runs, donor=base)
    return wrong(checks.of_folder(lab.data, files, unreadable, given_val=True))


def test_what_is_wrong_is_said_before_anything_is_computed(photos, runs, base, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    lines = []
    monkeypatch.setattr(features, "of_all_cuts", stop)
    with pytest.raises(KeyboardInterrupt):
        advise(photos, donor=base, runs=runs, quick=True, at_once=1, say=lines.append)
    few = "3 of 3 classes have fewer than 10 images (class00, class30, class60; the least 6)"
    assert any(line.startswith(f"Note: {few}") for line in lines)
    assert not any("too" in line or "copies" in line or "grey" in line for line in lines)


def spoil_copy_between_parts(root):
    shutil.copy(root / "train" / "class00" / "0.png", root / "val" / "class00" / "copy.png")
    return (
        "the same picture twice",
        r"1 picture is in train and in val \(train/class00/0.png and val/class00/copy.png\)",
    )


def spoil_two_classes(root):
    shutil.copy(root / "train" / "class00" / "0.png", root / "train" / "class30" / "copy.png")
    return "the same picture twice", r"1 picture is in two classes .* one of the labels is wrong"


def spoil_balance(root):
    drawn(root / "train", 20, classes=(0,))
    return "balance", "class00 has 22 images, class30 6: below, every class weighs the same"


def spoil_size(root):
    Image.open(root / "train" / "class00" / "0.png").resize((20, 30)).save(root / "train" / "class00" / "0.png")
    return (
        "images smaller than the input",
        r"1 image \(class00/0.png\) is smaller than the 32 pixels .* smallest has 20",
    )


def spoil_colour(root):
    for path in (root / "val" / "class00").iterdir():
        Image.open(path).convert("L").save(path)
    return "one channel", "2 of 18 images are grey"


def spoil_file(root):
    (root / "train" / "class30" / "0.png").write_bytes(b"no image")
    return "unreadable images", r"1 image \(class30/0.png\) could not be read: left out"


SPOILS = [each for name, each in sorted(globals().items()) if name.startswith("spoil_")]


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_is_wrong_is_named(spoil, tmp_path, runs, base):
    drawn(tmp_path / "photos" / "train", 4)
    drawn(tmp_path / "photos" / "val", 2, part="test")
    assert {*looked_at(tmp_path / "photos", runs, base)} == {"images of a class"}
    name, sentence = spoil(tmp_path / "photos")
    assert re.search(sentence, looked_at(tmp_path / "photos", runs, base)[name])


def test_what_is_in_val_too_is_not_trained_on(tmp_path, runs, base):
    drawn(tmp_path / "train", 4)
    drawn(tmp_path / "val", 2, part="test")
    spoil_copy_between_parts(tmp_path)
    lab = Lab("folder", data_root=tmp_path, runs=runs, donor=base)
    task = lab.task("B", "held-out")
    assert (len(task.train_labels), len(task.test_labels)) == (11, 7)


def test_batch_norm_left_in_training_mode_is_measured_and_changes_nothing(base, lab):
    donor = donors.find(base)
    before = {key: each.clone() for key, each in donor.layers.state_dict().items()}
    (_, found) = checks.of_donor(donor, lab.data)
    assert re.search(r"has 7 layers of batch norm: .* differs by \d+ %, so call eval\(\)", found.sentence)
    assert all(torch.equal(before[key], each) for key, each in donor.layers.state_dict().items())
    assert not donor.layers.training


@pytest.mark.parametrize(("pixels", "is_wrong"), [("plain", False), ("dark", True)])
def test_pixels_that_the_weights_are_not_used_to_are_noticed(pixels, is_wrong, lab):
    layers = donors.networks.build("torchvision/resnet18", 3, 32, 0).eval()
    donor = donors.Donor("a net", "torchvision/resnet18", layers, donors.Framing(32), "0", assumed=False)
    data = lab.data if pixels == "plain" else datasets.replace(
        lab.data, train_images=lab.data.train_images // 64, fingerprint="")  # fmt: skip
    assert checks._normalisation(donor, data).wrong == is_wrong


# --- the whole -----------------------------------------------------------------------------------


@pytest.fixture
def one_strength(monkeypatch):
    """Probes that have no regularisation to choose: four times as fast, where nothing depends on the choice."""
    monkeypatch.setattr(probes, "STRENGTHS", (probes.USUAL,))


def test_the_probes_tell_the_classes_and_the_answer_says_so(tmp_path, runs, base):
    photos = drawn(tmp_path / "photos", 12)
    found = advise(photos, donor=base, runs=runs, quick=True)
    assert found.cuts.cut.tolist() == [*range(1, 8)] and len(found.ways) == 0
    assert found.cuts.accuracy.max() > 0.5, "three Kingdoms are told apart by the colours alone"
    assert found.facts["tested"] == 36 and found.facts["tested_on"] == "5 folds"


def test_a_folder_whose_images_were_all_replaced_is_read_afresh(photos, runs, base, monkeypatch):
    monkeypatch.setattr(advice, "_probed", lambda lab, found, val: pytest.fail(lab.data.fingerprint))
    seen = []
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception) as stopped:
            advise(photos, donor=base, runs=runs, quick=True)
        seen.append(str(stopped.value))
        for path in [*photos.rglob("*.png")]:
            Image.open(path).rotate(90).save(path.with_name(f"new{path.name}"))
            path.unlink()
    assert len({*seen}) == 2


def test_with_a_val_it_is_tested_there_and_the_cut_is_chosen_elsewhere(one_strength, tmp_path, runs, base):
    drawn(tmp_path / "train", 8)
    drawn(tmp_path / "val", 4, part="test")
    found = advise(tmp_path, donor=base, runs=runs, quick=True)
    assert (found.facts["tested"], found.facts["tested_on"], found.facts["images"]) == (12, "val", 36)


def test_only_a_train_is_divided_into_folds_and_the_same_is_said_again(one_strength, tmp_path, runs, base):
    drawn(tmp_path / "train")
    found = advise(tmp_path, donor=base, runs=runs, quick=True)
    assert (found.facts["tested"], found.facts["tested_on"]) == (18, "5 folds")
    again = advise(tmp_path, donor=base.path.name, runs=runs, quick=True)
    assert again.sentence == found.sentence
    pd.testing.assert_frame_equal(again.cuts, found.cuts)


@pytest.fixture
def brief(monkeypatch, one_strength):
    """Trainings of three steps, at two rates."""
    monkeypatch.setitem(recipes.SCALES, "few", recipes.replace(recipes.SCALES["few"], iterations=3, size=32))
    for name in ("FROZEN", "GENTLE", "SCRATCH"):
        monkeypatch.setattr(trials, name, getattr(trials, name)[:2])


@pytest.mark.parametrize(("best", "expected"), [((7, 6, 5), [4, 6, 7]), ((4, 7, 1), [1, 4, 7]), ((3, 2, 1), [3, 4, 7])])
def test_the_middle_cut_is_trained_at_although_no_probe_says_so(best, expected):
    accuracies = [1 - best.index(cut) / 10 if cut in best else 0.0 for cut in range(1, 8)]
    cuts = pd.DataFrame({"cut": range(1, 8), "accuracy": accuracies})
    assert advice._promising(cuts, 7) == expected


@pytest.mark.parametrize("val", [False, True])
def test_it_trains_at_the_best_cuts_and_the_last(val, brief, tmp_path, runs, base):
    root = drawn(tmp_path / "photos" / ("train" if val else ""), 22)
    if val:
        drawn(tmp_path / "photos" / "val", 4, part="test")
    lines = []
    found = advise(tmp_path / "photos", donor=base, runs=runs, at_once=1, say=lines.append)
    assert {"A4B", "A4B++", "A7B", "A7B++", "baseB"} <= {*found.ways.network} and len(found.ways) == 7, root
    assert found.ways.set_index("network").gain["A7B"] == 0
    assert "From scratch: " in found.sentence or found.answer.best == "baseB" or found.answer.verdict == "useless"
    assert any(line.startswith("By the probes: ") for line in lines)
    saved = json.loads(found.as_json())
    assert saved["sentence"] == found.sentence and len(saved["ways"]) == len(found.ways)
    assert all(0 <= way["low"] <= way["accuracy"] <= way["high"] <= 1 for way in saved["ways"])
    page = advice_page.write(found, tmp_path / "out").read_text(encoding="utf-8")
    table = page[page.index("<h2>What was trained</h2>") :]
    assert table.count("<tr") - 1 == len(found.ways) and "By the probes alone: " in table and "gain" in table
    assert "if it came from another world" in page
    assert all(f">{name}</text>" in page for name in ("frozen", "LP-FT", "scratch", "probe", "guessing"))


def test_rates_are_chosen_on_images_that_are_not_reported(tmp_path, runs, base):
    lab = Lab("folder", data_root=drawn(tmp_path, 10), runs=runs, donor=base)
    for given_val in (False, True):
        where = trials.plan(lab, given_val)
        chosen, reported = (
            {image.tobytes() for place in places for image in np.asarray(lab.task("B", *place).test_images)}
            for places in ([where.choose], where.report)
        )
        assert chosen and reported and not chosen & reported
    assert len(trials.tested(lab, trials.plan(lab, False))) == 24


def test_the_page_stands_alone_and_says_the_answer_first(one_strength, photos, runs, base, tmp_path):
    found = advise(photos, donor=base, runs=runs, quick=True)
    out = tmp_path / "out"
    page = advice_page.write(found, out).read_text(encoding="utf-8")
    assert not re.search(
        r"(src|href)\s*=|url\(|@import|<script", page.replace('xlink:href="#', "").replace("url(#", "")
    )
    assert page.replace("&nbsp;", " ").index(f'<p class="answer">{found.sentence}') < page.index("<table")
    assert page.count("<tr") == 8 and "<svg" in page and 'name="viewport"' in page
    assert json.loads((out / "advice.json").read_text())["sentence"] == found.sentence
    advice_page.write(found, out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty and holds no earlier advice"):
        advice_page.write(found, tmp_path / "other")


def test_the_command_says_the_sentence_first(one_strength, photos, runs, base, say, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said, err = say(f"advise {photos} --donor {base.path.name} --runs {runs} --quick")
    assert status == 0
    assert said.startswith(json.loads((tmp_path / "photos-advice" / "advice.json").read_text())["sentence"] + "\n")
    assert "blocks 1 to 3" in said and said.rstrip().endswith("photos-advice/advice.html")
    assert "Note: 3 of 3 classes have fewer" in err


def one_class(root):
    drawn(root, classes=(0,))


def one_image(root):
    drawn(root)
    for path in sorted((root / "class30").iterdir())[1:]:
        path.unlink()


def one_picture(root):
    one_image(root)
    shutil.copy(root / "class30" / "0.png", root / "class30" / "copy.png")


def no_class(root):
    root.mkdir()


def loose(root):
    root.mkdir()
    Image.new("RGB", (40, 40)).save(root / "0.png")


def empty_class(root):
    drawn(root)
    (root / "empty").mkdir()


def all_unreadable(root):
    drawn(root)
    for path in (root / "class30").iterdir():
        path.write_bytes(b"no image")


def a_test_part(root):
    drawn(root / "train")
    drawn(root / "test")


BAD = {
    one_class: "has one class, class00; two or more are needed",
    one_image: "the class class30 of .* has 1 image; .* it needs 2 or more",
    one_picture: "nothing can be learned from .*: class30 has one picture, and no other to test on",
    no_class: "has no folders of classes; put the images of each class into",
    loose: "has no folders of classes; put the images of each class into",
    empty_class: "has no image in 1 of 4 classes: empty",
    all_unreadable: "no readable train image in 1 classes: class30",
    a_test_part: "has test, train; rename them to train and val",
    lambda root: None: "does not exist; give a folder with <class>/",
}


@pytest.mark.parametrize("spoil", BAD)
def test_a_folder_with_nothing_to_learn_is_a_sentence_and_status_2(spoil, tmp_path, runs, base, say, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoil(tmp_path / "photos")
    status, said, err = say(f"advise {tmp_path / 'photos'} --donor {base.path} --runs {runs} --quick")
    assert (status, said) == (2, "") and "Traceback" not in err
    error = next(line for line in err.splitlines() if "error: " in line)
    assert re.search(BAD[spoil], error)
    assert not (tmp_path / "photos-advice").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--network resnet18 --donor baseA", "both network='resnet18' and donor='baseA' were given"),
        ("--donor nowhere", "no donor 'nowhere'; there are resnet18, .*, and the base networks of the run store"),
        ("--network resnet20", "no donor 'resnet20'; there are resnet18, resnet50, .*, timm/NAME where timm is"),
        ("--weights nowhere.pth", "nowhere.pth does not exist; give a file of weights"),
        ("--weights nothing", "'nothing' is neither a file nor weights of resnet18; torchvision has"),
        ("--out {tmp}/photos", "photos is not empty and holds no earlier advice; give --out a new folder"),
    ],
)
def test_wrong_options_are_a_sentence_and_status_2(options, sentence, photos, tmp_path, say, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said, err = say(f"advise {photos} --quick --runs {tmp_path / 'runs'} {options.format(tmp=tmp_path)}")
    assert (status, said) == (2, "") and re.search(sentence, err) and "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"], "nothing was written"


def test_an_interrupt_says_how_it_goes_on(photos, say, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(advice, "advise", stop)
    status, _, err = say(f"advise {photos} --quick")
    assert status == 130 and "interrupted; give the same command again, and it goes on" in err
