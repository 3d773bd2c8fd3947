"""torchvision, also beside a CPU-only torch.

A torchvision wheel built for CUDA cannot register its operators with a CPU build of torch, and its import
stops at the first one it looks for. Data sets, transforms and models need none of them, so the two
schemas that the import asks for are declared and the import is tried again. A matching pair of wheels
never comes here.
"""

import sys

import torch


def _import():
    import torchvision
    import torchvision.datasets

    return torchvision


try:
    torchvision = _import()
except RuntimeError as error:
    if "operator torchvision::nms does not exist" not in str(error):
        raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision = _import()
