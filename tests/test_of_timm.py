"""Networks of timm's: with timm, where it is installed; and without it, with one that has its form."""

import importlib.util
import sys
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from transferlab import donors, networks
from transferlab.datasets.images import Framing
from transferlab.networks import of_timm
from transferlab.transplant import transplant, verify

CFG = {
    "input_size": (3, 32, 32), "crop_pct": 0.8, "interpolation": "bicubic", "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5), "classifier": "fc",
}  # fmt: skip


class Small(nn.Sequential):
    """A network in the form of timm's ResNets: a stem, containers of units, a pooling and a classifier."""

    def __init__(self, num_classes, twist=False):
        def unit():
            return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())

        super().__init__(OrderedDict(
            conv1=nn.Conv2d(3, 4, 3, stride=4), act1=nn.ReLU(),
            layer1=nn.Sequential(*(unit() for _ in range(5))), layer2=nn.Sequential(*(unit() for _ in range(5))),
            global_pool=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), fc=nn.Linear(4, num_classes),
        ))  # fmt: skip
        self.twist, self.pretrained_cfg = twist, CFG

    def forward(self, images):
        return super().forward(images) * (2 if self.twist else 1)


@pytest.fixture
def of_its_form(monkeypatch):
    """A module named timm with two networks, one of which does something that no row of units does."""

    def create_model(name, pretrained=False, num_classes=1000):
        if pretrained:
            raise OSError("no route to host")
        return Small(num_classes, twist=name == "twisted")

    made = SimpleNamespace(
        is_model=lambda name: name in ("small", "twisted"),
        create_model=create_model,
        get_pretrained_cfg=lambda name: SimpleNamespace(hf_hub_id=f"timm/{name}.in1k"),
    )
    monkeypatch.setitem(sys.modules, "timm", made)
    of_timm._takes_size.cache_clear()
    yield
    of_timm._takes_size.cache_clear()


def test_a_network_of_timms_form_is_cut_in_eight_and_is_a_donor(of_its_form, tmp_path):
    torch.manual_seed(0)
    save_file(Small(7).state_dict(), tmp_path / "small.safetensors")
    donor = donors.find("timm/small", tmp_path / "small.safetensors")
    assert donor.framing == Framing(32, 40, "bicubic") and donor.cuts == tuple(range(1, 9))
    assert donor.name.startswith("timm/small-") and donor.layers.block1[0].mean.flatten().tolist() == [0.5] * 3
    fresh = networks.build("timm/small", 3, 32, seed=1)
    verify(transplant(donor.layers, 8, fresh), donor.layers, 8, frozen=False)
    assert networks.cuts("timm/small")[-1] == 8


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("timm/small", OSError, r"not here and cannot be fetched \(no route to host\); .* download timm/small.in1k"),
        ("timm/nothing", ValueError, "timm has no network 'nothing'"),
    ],
)
def test_what_timm_has_not_is_a_sentence(name, error, said, of_its_form):
    with pytest.raises(error, match=said):
        donors.find(name)


def test_a_network_that_is_no_row_is_refused(of_its_form, tmp_path):
    save_file(Small(7).state_dict(), tmp_path / "small.safetensors")
    with pytest.raises(ValueError, match="timm's twisted is no chain of units that can be cut"):
        donors.find("timm/twisted", tmp_path / "small.safetensors")


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed here")
def test_without_timm_it_says_so():
    with pytest.raises(ValueError, match=r"timm is not installed, .*; run pip install timm"):
        donors.find("timm/resnet26")


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed here")
@pytest.mark.parametrize(
    "name", ["resnet26", "vit_tiny_patch16_224", "convnext_atto", "efficientnet_b0", "mobilenetv3_small_100"]
)
def test_timms_own_networks_are_cut_in_eight(name):
    whole = of_timm.whole(name, 10)
    parts = of_timm.in_parts(name, whole).eval()
    of_timm.check(name, parts, whole, 224)
    assert {id(each) for each in parts.parameters()} == {id(each) for each in whole.parameters()}
    assert networks.build(f"timm/{name}", 3, 224, seed=0)(torch.zeros(2, 3, 224, 224)).shape == (2, 3)
