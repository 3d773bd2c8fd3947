"""Networks from elsewhere as the base of task A: where their weights are found, and what is trained on them."""

import hashlib
import shutil
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from transferlab import Lab, donors, splits
from transferlab.datasets.images import Framing, read_image
from transferlab.networks import pretrained, weights
from transferlab.transplant import verify

SIDE = 32
TINY = {"size": SIDE, "iterations": 2, "batch": 4, "precision": "float32"}


@pytest.fixture(scope="module")
def state():
    """The state dict of an untrained ResNet-18 with the names of torchvision's published one."""
    torch.manual_seed(0)
    return pretrained.whole("resnet18", 1000, 224).state_dict()


@pytest.fixture(scope="module")
def file(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three classes of five images each: noise around a colour."""
    root, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for place, name in enumerate(("ant", "bee", "cat")):
        (root / name).mkdir()
        for index in range(5):
            pixels = draw.integers(0, 100, (40, 50, 3)) + 70 * (np.arange(3) == place)
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def lab(photos, file, tmp_path_factory):
    return Lab("folder", data_root=photos, donor="resnet18", weights=file, at_once=1, **TINY,
               runs=tmp_path_factory.mktemp("runs"))  # fmt: skip


def test_a_state_dict_becomes_a_donor_with_the_published_preprocessing(file, state):
    donor = donors.find("resnet18", file)
    assert donor.framing == Framing(224, 256, "bilinear") and donor.assumed
    assert torch.equal(donor.layers.block1[1].weight, state["conv1.weight"])
    assert torch.equal(donor.layers.block8[0].bn2.running_var, state["layer4.1.bn2.running_var"])
    assert donor.layers.block1[0].mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert donor.name == f"torchvision/resnet18-{donor.fingerprint}" and not donor.layers.training


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
@pytest.mark.parametrize("form", ["plain", "state_dict", "module.", "ten classes", "no head"])
def test_the_forms_in_which_people_keep_weights(form, suffix, state, file, tmp_path):
    kept = {key: each.clone() for key, each in state.items()}
    if form == "ten classes":
        kept |= {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}
    if form == "no head":
        kept = {key: each for key, each in kept.items() if not key.startswith("fc.")}
    if form == "module.":
        kept = {f"module.{key}": each for key, each in kept.items()}
    path = tmp_path / f"kept{suffix}"
    torch.save({"state_dict": kept, "epoch": 3} if form == "state_dict" else kept, path)
    assert donors.find("resnet18", path).fingerprint == donors.find("resnet18", file).fingerprint


def test_a_state_dict_of_another_network_is_refused_with_its_keys(file, tmp_path):
    with pytest.raises(ValueError, match=r"no state dict of resnet50: it lacks layer1\.0\.conv3\.weight, .* more; it ha"
                       r"s .*; it is one of resnet18, so name that network"):  # fmt: skip
        donors.find("resnet50", file)
    state = weights.read(file)
    state["layer9.weight"] = state.pop("layer1.0.conv1.weight")
    save_file(state, tmp_path / "odd.safetensors")
    with pytest.raises(ValueError, match=r"it lacks layer1\.0\.conv1\.weight; it has the unknown layer9\.weight; give"):
        donors.find("resnet18", tmp_path / "odd.safetensors")


class Bomb:
    def __reduce__(self):
        return print, ("BOOM",)


@pytest.mark.parametrize("what", ["pickle", "text", "list", "truncated", "gone"])
def test_what_is_no_state_dict_is_refused_in_a_sentence_and_never_run(what, file, tmp_path, capsys):
    path = tmp_path / ("mine.safetensors" if what == "truncated" else "mine.pth")
    if what == "pickle":
        torch.save({"weight": Bomb()}, path)
    elif what == "text":
        path.write_text("no weights")
    elif what == "list":
        torch.save([torch.zeros(1)], path)
    elif what == "truncated":
        path.write_bytes(file.read_bytes()[:-10])
    with pytest.raises((ValueError, OSError), match=f"{path} (holds|cannot be read|does not exist)"):
        donors.find("resnet18", path)
    assert "BOOM" not in capsys.readouterr().out


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty cache of torch's, and no network."""

    def fail(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_without_a_network_it_says_which_file_goes_where(hub):
    with pytest.raises(OSError, match=rf"fetch https://.*/resnet18-f37072fd\.pth and put it into {hub}, or"):
        donors.find("resnet18")
    assert not list(hub.iterdir()), "nothing half-written"


def test_published_weights_are_taken_from_the_cache_of_torchvision_if_they_are_whole(hub, state, monkeypatch):
    hub.mkdir(parents=True)
    torch.save(state, hub / "beginning.pth")
    digest = hashlib.sha256((hub / "beginning.pth").read_bytes()).hexdigest()
    listed = weights._listed("resnet18", "DEFAULT")
    published = type(
        "Listed", (), {"url": f"https://example.org/resnet18-{digest[:8]}.pth", "transforms": listed.transforms}
    )
    monkeypatch.setattr(weights, "_listed", lambda name, which: published)
    shutil.move(hub / "beginning.pth", hub / f"resnet18-{digest[:8]}.pth")
    donor = donors.find("resnet18")
    assert donor.title == "resnet18 with the weights DEFAULT" and not donor.assumed
    with (hub / f"resnet18-{digest[:8]}.pth").open("ab") as more:
        more.write(b"0")
    with pytest.raises(ValueError, match="is damaged or incomplete"):
        donors.find("resnet18")


@pytest.mark.parametrize(
    ("donor", "which", "said"),
    [
        ("resnet19", "DEFAULT", "no donor 'resnet19'; there are resnet18, resnet50, efficientnet_b0"),
        ("resnet18", "IMAGENET22K", "is neither a file nor weights of resnet18; torchvision has IMAGENET1K_V1"),
        ("resnet18", "nowhere.pth", "nowhere.pth does not exist; give a file of weights"),
        ("resnet18", None, "weights is None; it must be a name"),
        (3, "DEFAULT", "no donor '3'"),
    ],
)  # fmt: skip
def test_a_donor_that_is_none_is_refused(donor, which, said):
    with pytest.raises((ValueError, OSError)) as refused:
        donors.find(donor, which)
    assert said in str(refused.value)


def test_the_images_are_scaled_and_cropped_as_torchvision_does_it(photos):
    preset = weights._listed("efficientnet_b0", "DEFAULT").transforms()
    path, expects = photos / "ant" / "0.png", weights.expected("efficientnet_b0")
    ours = read_image(str(path), expects.size, expects.resize, expects.interpolation)
    theirs = preset(Image.open(path).convert("RGB"))
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in (expects.mean, expects.deviation))
    assert torch.allclose((torch.from_numpy(ours.copy()) / 255 - mean) / deviation, theirs, atol=1e-5)


def test_what_is_trained_on_a_donor_holds_its_blocks_and_lies_in_the_store(lab):
    for name, n in (("A8B", 8), ("A3B", 3)):
        run = lab.run(name)
        verify(run.network(), lab.donor.layers, n, frozen=False)
        assert run.spec["parent"] == lab.donor.name and run.spec["split"] == "folds"
        assert lab.run(name).path == run.path
    second = lab.run("A8B++")
    assert second.spec["parent"] == lab.run("A8B").path.name
    assert len(second.network().head[-1].bias) == 3


def test_a_sweep_and_its_table_know_no_base_a(lab):
    table = lab.sweep(("base", "AnB", "random"), layers=(1, 8), seeds=(0, 1))
    assert sorted(table[table.seed == 1].network) == ["A1B", "A8B", "R1B", "R8B", "baseB"]
    assert table.base_accuracy.notna().all() and lab.status().shape == (6, 9)
    assert lab.why("A8B").startswith("A8B (folds, seed 0) is found")


def test_other_weights_make_another_network(lab, state, tmp_path):
    other = {key: each + 0.01 if key == "layer1.0.conv1.weight" else each for key, each in state.items()}
    save_file(other, tmp_path / "other.safetensors")
    there = lab.changed(donor="resnet18", weights=tmp_path / "other.safetensors")
    assert there.spec("A3B")["parent"] != lab.spec("A3B")["parent"]
    assert there.spec("baseB") == lab.spec("baseB"), "scratch has nothing of the donor"


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("baseA", None, "task A, which is the donor's own"),
        ("B3A", None, "task A, which is the donor's own"),
        ("A3B", "halves", "no split 'halves'; there are folds, held-out, validation, random, kingdom"),
        ("A3B", "random", "there are 3 classes; two tasks need at least 4"),
    ],
)
def test_what_a_donor_cannot_have(lab, name, split, said):
    with pytest.raises(ValueError, match=said):
        lab.run(name, split)


def test_without_a_head_apart_nothing_would_be_fresh_above_layer_8(tmp_path):
    own = Lab(scale="smoke", runs=tmp_path)
    with pytest.raises(ValueError, match="no such network: 'A8B'; mini is cut after layers 1 to 7"):
        own.run("A8B")
    with pytest.raises(ValueError, match="no split 'folds'; there are random, kingdom"):
        own.run("baseB", "folds")


def test_the_folds_hold_every_image_out_once_and_share_none(lab):
    held = [lab.task("B", seed=seed) for seed in range(5)]
    assert all(len(task.train_labels) + len(task.test_labels) == 15 for task in held)
    out = [image.tobytes() for task in held for image in np.asarray(task.test_images)]
    assert len(out) == len({*out}) == 15
    for task in held:
        assert not {image.tobytes() for image in np.asarray(task.test_images)} & {
            image.tobytes() for image in np.asarray(task.train_images)
        }
        assert np.bincount(task.test_labels, minlength=3).tolist() == [1, 1, 1]
    assert splits.sizes(lab.data, "validation", 0, "B") == (9, 3)
    assert splits.sizes(lab.data, "held-out", 0, "B") == (12, 3)


def test_a_base_of_the_run_store_is_a_donor_by_its_name(photos, tmp_path):
    own = Lab(scale="smoke", runs=tmp_path)
    base = own.run("baseA")
    there = Lab("folder", data_root=photos, runs=tmp_path, donor=base.path.name, at_once=1, iterations=2, batch=4)
    assert there.recipe.network == "mini" and there.recipe.size == 32 and there.cuts[-1] == 7
    verify(there.run("A7B").network(), base.network(), 7, frozen=False)
    assert Lab("folder", data_root=photos, runs=tmp_path, donor=base).donor.name == there.donor.name
    with pytest.raises(ValueError, match="is no base network"):
        donors.find(there.run("A7B"))
    with pytest.raises(ValueError, match="has its own weights"):
        donors.find(base, "IMAGENET1K_V1")
    with pytest.raises(ValueError, match=r"network is 'vit', but the donor is baseA of the run store"):
        Lab("folder", data_root=photos, runs=tmp_path, donor=base, network="vit")
