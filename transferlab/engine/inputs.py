"""The images of a task on their way into a network: once for all, or in random crops made at each step.

A *plan* says which inputs a step takes: int64 `[batch, columns]`, a row an image. Plans are drawn from a generator, so
that the same seed takes the same images in the same order, cropped in the same places.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn

from transferlab.datasets.rows import Rows
from transferlab.engine.recipes import Recipe

MEAN_OF = 10_000  # images, evenly spaced: the mean of more would differ by less than a grey level
TEST_BATCH = 500  # images that are evaluated at a time
SHARE = 0.6  # of the free memory of a GPU that images may take


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Arithmetic of the given precision; parameters stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def to_input(images: np.ndarray | Tensor, precision: str, device: str = "cpu") -> Tensor:
    """Network input from uint8 images `[N, 3, H, W]`: values in [-2, 2], channels last, of the given precision."""
    pixels = torch.as_tensor(images if isinstance(images, Tensor) else np.asarray(images), device=device).contiguous(memory_format=torch.channels_last)
    return pixels.to(torch.float32).sub_(127.5).div_(63.75).to(getattr(torch, precision))


@torch.no_grad()
def outputs(layers: nn.Sequential, inputs: Tensor, precision: str) -> Tensor:
    """What `layers` in evaluation mode give for every row of `inputs`. No layers give the inputs back."""
    if not len(layers):
        return inputs
    layers.eval()
    with autocast(inputs.device, precision):
        return torch.cat([layers(part) for part in inputs.split(TEST_BATCH)])


class Stored:
    """Inputs that never change: whole images, or what frozen layers give for them, on the device.

    >>> stored = Stored(torch.zeros(10, 3, 32, 32))
    >>> plan = stored.plan(torch.tensor([4, 0, 7]), torch.Generator())
    >>> stored.take(plan).shape
    torch.Size([3, 3, 32, 32])
    """

    def __init__(self, inputs: Tensor):
        self.inputs = inputs

    def plan(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """What to take of the images `rows`; without a generator, as for a test."""
        return rows[:, None].to(self.inputs.device)

    def batches(self, plans: Iterator[Tensor]) -> Iterator[Tensor]:
        """The plans one after the other, each as `take` wants it at that moment."""
        return iter(plans)

    def take(self, plan: Tensor) -> Tensor:
        """The inputs of a plan."""
        return self.inputs[plan[:, 0]]


class Crops:
    """Crops of images minus a mean image, random in place and mirrored at random; for a test, the middle.

    Plans have the columns row, top, left, mirrored. Images lie on the device where they fit; else they are read
    batch by batch, one ahead, from memory or from disk, through pinned memory. The paper's Section 3 has crops of
    227 pixels of images of 256.
    """

    def __init__(self, images: np.ndarray | Rows, recipe: Recipe, mean: Tensor, device: str):
        self.images, self.recipe, self.mean = images, recipe, mean.to(device)
        self.resident = fits(images, device)
        if self.resident:
            self.pixels = torch.as_tensor(np.asarray(images), device=device)
        else:
            shape = (max(recipe.batch, TEST_BATCH), *images.shape[1:])
            self.pixels = torch.empty(shape, dtype=torch.uint8, device=device)

    def plan(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """What to take of the images `rows`; without a generator, the middle."""
        room = self.images.shape[-1] - self.recipe.crop + 1
        if generator is None:
            place = torch.full((3, len(rows)), (room - 1) // 2)
            place[2] = 0
        else:
            place = torch.randint(room, (3, len(rows)), generator=generator)
            place[2] = torch.randint(2, (len(rows),), generator=generator) * self.recipe.mirror
        return torch.cat([rows[:, None].cpu(), place.T], 1).to(self.pixels.device)

    def batches(self, plans: Iterator[Tensor]) -> Iterator[Tensor]:
        """The plans one after the other, each when its images are on the device."""
        if self.resident:
            yield from plans
            return
        buffers = [torch.empty(self.pixels.shape, dtype=torch.uint8, pin_memory=self.pixels.is_cuda) for _ in range(2)]

        def read(number: int, plan: Tensor) -> Tensor:
            buffer = buffers[number % 2][: len(plan)]
            np.copyto(buffer.numpy(), self.images[plan[:, 0].cpu().numpy()])
            return buffer

        plans = list(plans)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(read, 0, plans[0])
            for number, plan in enumerate(plans):
                self.pixels[: len(plan)].copy_(ahead.result())
                if number + 1 < len(plans):
                    ahead = pool.submit(read, number + 1, plans[number + 1])
                here = plan.clone()
                here[:, 0] = torch.arange(len(plan), device=plan.device)
                yield here

    def take(self, plan: Tensor) -> Tensor:
        """The inputs of a plan: crops, minus the mean, divided by the recipe's `divide_by`."""
        row, top, left, mirrored = (column[:, None, None, None] for column in plan.unbind(1))
        along = torch.arange(self.recipe.crop, device=plan.device)
        down, across = along[None, None, :, None], along[None, None, None, :]
        across = torch.where(mirrored == 1, self.recipe.crop - 1 - across, across)
        channel = torch.arange(3, device=plan.device)[None, :, None, None]
        pixels = self.pixels[row, channel, top + down, left + across]
        crops = (pixels.float() - self.mean[channel, top + down, left + across]) / self.recipe.divide_by
        return crops.to(getattr(torch, self.recipe.precision), memory_format=torch.channels_last)


def fits(images: np.ndarray | Rows, device: str) -> bool:
    """Whether all the images are to lie on the device: on a CPU if they are in memory anyway."""
    if device == "cpu":
        return not isinstance(images, Rows)
    size = len(images) * int(np.prod(images.shape[1:]))
    return size < SHARE * torch.cuda.mem_get_info()[0]


def mean_image(images: np.ndarray | Rows) -> Tensor:
    """The mean of the images, float32 `[3, H, W]` (0..255), pixel by pixel, of at most MEAN_OF of them."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(MEAN_OF, len(images))).astype(np.int64))
    total = np.zeros(images.shape[1:])
    for part in np.array_split(chosen, -(-len(chosen) // 500)):
        total += images[part].sum(0, dtype=np.float64)
    return torch.from_numpy(total / len(chosen)).float()
