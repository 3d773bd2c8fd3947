"""Published architectures as eight blocks and a head: the same networks, cut where the notation says."""

import pytest
import torch

from transferlab import networks
from transferlab.networks.pretrained import ARCHITECTURES, MIDDLE, SPREAD, in_parts, whole
from transferlab.transplant import drops, transplant, verify

SMALL = ["resnet18", "efficientnet_b0"]  # those that take no second


@pytest.mark.parametrize("name", ARCHITECTURES)
@torch.no_grad()
def test_in_parts_it_is_the_network_that_torchvision_made(name):
    network = whole(name, 10, 224).eval()
    pixels = torch.randint(0, 256, (2, 3, 224, 224), generator=torch.Generator().manual_seed(0)).float()
    mean, deviation = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.4]).view(3, 1, 1)
    expected = network((pixels / 255 - mean) / deviation)
    parts = in_parts(name, network, [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]).eval()
    torch.testing.assert_close(parts((pixels - MIDDLE) / SPREAD), expected, rtol=1e-3, atol=1e-4)
    assert [key for key, _ in parts.named_children()] == [*(f"block{place}" for place in range(1, 9)), "head"]
    whole_again = {id(each) for each in network.parameters()}
    assert {id(each) for each in parts.parameters()} == whole_again, "every weight is in one part"
    assert all(len([*part.parameters()]) for part in parts), "no part is empty"
    assert not drops(parts)


@pytest.mark.parametrize("name", SMALL)
def test_a_cut_may_be_behind_the_last_block(name):
    donor, fresh = (networks.build(f"torchvision/{name}", count, 64, seed) for count, seed in ((10, 1), (3, 2)))
    network = transplant(donor, 8, fresh)
    verify(network, donor, 8, frozen=False)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    with pytest.raises(ValueError, match="head should be fresh"):
        verify(transplant(donor, 9, fresh), donor, 8, frozen=False)


def test_networks_with_their_head_in_the_last_layer_are_cut_below_it():
    assert networks.cuts("mini") == networks.cuts("resnet18") == tuple(range(1, 8))
    assert networks.cuts("torchvision/vit_b_16") == tuple(range(1, 9))


@pytest.mark.parametrize("name", SMALL)
def test_its_first_values_come_from_the_seed(name):
    one, again, other = (networks.build(f"torchvision/{name}", 3, 64, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)
