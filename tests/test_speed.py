"""A GPU that runs out of memory, played on the CPU: the batch that fits is named."""

import pytest
import torch

from transferlab import Lab
from transferlab.engine import speed


class Small:
    """Steps of more than so many images find no memory."""

    def __init__(self, monkeypatch, images):
        real = speed.Step.__call__

        def call(step, rows, plan, rate):
            if len(rows) > images:
                raise torch.OutOfMemoryError("CUDA out of memory")
            real(step, rows, plan, rate)

        monkeypatch.setattr(speed.Step, "__call__", call)


@pytest.mark.parametrize(("images", "fits"), [(7, 4), (32, 32), (0, 0)])
def test_the_batch_that_fits_is_found_by_trying(monkeypatch, lab, images, fits):
    Small(monkeypatch, images)
    assert speed.fitting_batch(lab.recipe, 40, "cpu") == fits


def test_a_device_without_room_names_the_batch_that_fits(monkeypatch, tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu")
    Small(monkeypatch, 20)
    with pytest.raises(RuntimeError, match=r"ran out of memory with batch=32; a batch of 16 fits"):
        lab.run("baseB")
    Small(monkeypatch, 0)
    with pytest.raises(RuntimeError, match="not even 2 images fit; use a smaller network"):
        lab.run("baseB")
    assert not lab.store.runs()


def test_memory_that_others_hold_is_told_from_a_batch_that_is_too_large(monkeypatch, tmp_path):
    lab = Lab(scale="smoke", runs=tmp_path, device="cpu")

    def no_room(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transferlab.training.outputs", no_room)
    with pytest.raises(RuntimeError, match="the batch alone would fit, so something else fills the memory"):
        lab.run("baseB")
