"""The network of 2014: CaffeNet, an AlexNet that pools before it normalises (the paper's Section 3).

The layers are those of the authors' training definitions; their initialisation is `values.gaussian`. Every network has
1000 outputs, also where a task has 500 classes: the labels use the first ones.
"""

from collections import OrderedDict

from torch import nn

OUTPUTS = 1000


def caffenet(num_classes: int, size: int = 227) -> nn.Sequential:
    """Map `[N, 3, 227, 227]` to logits `[N, 1000]`, with 60,965,224 parameters.

    Dropout belongs to the layer whose input it thins out, so it acts on the output of whatever was copied below.
    Raises ValueError for another size and for more than 1000 classes.
    """
    if size != 227 or num_classes > OUTPUTS:
        raise ValueError(
            f"caffenet takes images of 227 pixels and up to {OUTPUTS} classes; got {size} pixels, {num_classes} classes"
        )
    layers: dict[str, list[nn.Module]] = {                                 # output
        "conv1": [conv(3, 96, 11, stride=4), pool(), norm()],              # [N, 96, 27, 27]
        "conv2": [conv(96, 256, 5, padding=2, groups=2), pool(), norm()],  # [N, 256, 13, 13]
        "conv3": [conv(256, 384, 3, padding=1)],                           # [N, 384, 13, 13]
        "conv4": [conv(384, 384, 3, padding=1, groups=2)],                 # [N, 384, 13, 13]
        "conv5": [conv(384, 256, 3, padding=1, groups=2), pool()],         # [N, 256, 6, 6]
        "fc6": [nn.Flatten(), dense(256 * 6 * 6, 4096)],                   # [N, 4096]
        "fc7": [nn.Dropout(0.5), dense(4096, 4096)],                       # [N, 4096]
        "fc8": [nn.Dropout(0.5), nn.Linear(4096, OUTPUTS)],                # [N, 1000]
    }  # fmt: skip
    return nn.Sequential(OrderedDict((name, nn.Sequential(*parts)) for name, parts in layers.items()))


def conv(inputs: int, outputs: int, kernel: int, **options) -> nn.Sequential:
    """A convolution with ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, **options), nn.ReLU(inplace=True))


def dense(inputs: int, outputs: int) -> nn.Sequential:
    """A matrix with ReLU."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(inplace=True))


def pool() -> nn.MaxPool2d:
    """Overlapping maxima. Caffe rounds sizes up where PyTorch rounds down; for 55, 27 and 13 it is the same."""
    return nn.MaxPool2d(3, stride=2)


def norm() -> nn.LocalResponseNorm:
    """Across 5 channels. PyTorch, like Caffe, divides alpha by the number of channels."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1)
