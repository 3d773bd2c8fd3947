"""How the images of a task reach a network: prepared once, or as random crops made at each step.

Two sources feed a training step, `Stored` and `Crops`; `Source` is the protocol they share. *Picks* say which inputs a
step takes: int64 `[batch, columns]`, one row per image. They are drawn from a generator, so the same seed takes the
same images in the same order, cropped in the same places.
"""

import math
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from transferlab.datasets.rows import Rows
from transferlab.engine import interrupts
from transferlab.engine.recipes import Recipe
from transferlab.networks.pretrained import MIDDLE, SPREAD

MEAN_OF = 10_000  # images, evenly spaced; the mean of more would differ by less than a grey level
TEST_BATCH = 500  # images evaluated at a time, at most
# numbers an input: of larger ones a CPU takes fewer at a time, or what they become fills its memory
LARGE = 3 * 64 * 64
SHARE = 0.6  # of a GPU's free memory that images may take


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Compute in the given precision; parameters stay float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def to_device(network: nn.Module, device: str) -> None:
    """Move a network to a device, in place, with its convolutions channels last, as images are."""
    # torch's signature leaves memory_format out
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def to_input(images: np.ndarray | Rows | Tensor, precision: str, device: str = "cpu") -> Tensor:
    """Turn uint8 images `[N, 3, H, W]` into network input: values in [-2, 2], channels last, in the given precision."""
    if not isinstance(images, Tensor):
        images = np.asarray(images)  # not image by image where they are Rows
        images = images if images.flags.writeable else images.copy()  # PyTorch warns of what only a file may change
    pixels = torch.as_tensor(images, device=device).contiguous(memory_format=torch.channels_last)
    return pixels.to(torch.float32).sub_(MIDDLE).div_(SPREAD).to(getattr(torch, precision))


def test_batch(shape: torch.Size | tuple[int, ...], device: str) -> int:
    """How many inputs of a shape `[N, ...]` are evaluated at a time.

    >>> test_batch((9, 3, 32, 32), "cpu"), test_batch((9, 3, 224, 224), "cpu")
    (500, 40)
    """
    return TEST_BATCH if device == "cuda" else max(1, min(TEST_BATCH, TEST_BATCH * LARGE // math.prod(shape[1:])))


@torch.no_grad()
def outputs(layers: nn.Module, inputs: Tensor, precision: str) -> Tensor:
    """Return the outputs of `layers`, in evaluation mode, for every row of `inputs`; without layers, the inputs."""
    if isinstance(layers, nn.Sequential) and not len(layers):
        return inputs
    layers.eval()
    parts = []
    with autocast(inputs.device, precision):
        for part in inputs.split(test_batch(inputs.shape, inputs.device.type)):
            interrupts.check()
            parts.append(layers(part))
    return torch.cat(parts)


class Source(Protocol):
    """Where a step's inputs come from: pick images, stage each batch of picks, take the inputs."""

    def pick(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return picks, int64 `[N, columns]`, of the images `rows`, int64 `[N]`. Without a generator: as for a test."""
        ...

    def batches(self, picks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield batches of picks, each once its images are ready, in the form that `take` then expects."""
        ...

    def take(self, picks: Tensor) -> Tensor:
        """Return the inputs of a batch of picks, `[batch, ...]`."""
        ...

    @property
    def test_batch(self) -> int:
        """How many inputs are evaluated at a time."""
        ...


class Stored:
    """Inputs that never change, on the device: whole images, or the outputs of frozen layers for them.

    >>> stored = Stored(torch.zeros(10, 3, 32, 32))
    >>> picks = stored.pick(torch.tensor([4, 0, 7]), torch.Generator())
    >>> stored.take(picks).shape
    torch.Size([3, 3, 32, 32])
    """

    def __init__(self, inputs: Tensor):
        self.inputs = inputs

    def pick(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the images `rows` themselves: there is nothing to draw."""
        return rows[:, None].to(self.inputs.device)

    def batches(self, picks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield the same batches: all inputs are ready."""
        return iter(picks)

    def take(self, picks: Tensor) -> Tensor:
        """Return the inputs of a batch."""
        return self.inputs[picks[:, 0]]

    @property
    def test_batch(self) -> int:
        """How many inputs are evaluated at a time."""
        return test_batch(self.inputs.shape, self.inputs.device.type)


class Crops:
    """Crops of images minus a mean image: at random places, randomly mirrored; for a test, the centre.

    Picks have the columns row, top, left, mirrored. Images are kept on the device if they fit. If not, they are read
    batch by batch, one ahead, from memory or from disk, through pinned memory. The paper (Section 3) takes crops of
    227 pixels from images of 256.
    """

    def __init__(self, images: np.ndarray | Rows, recipe: Recipe, mean: Tensor, device: str):
        if isinstance(images, np.memmap):  # larger than memory, perhaps
            images = Rows(images, np.arange(len(images)))
        self.images, self.recipe, self.mean = images, recipe, mean.to(device)
        self.resident = fits(images, device)
        if self.resident:
            self.pixels = torch.as_tensor(np.asarray(images), device=device)
        else:
            shape = (max(recipe.batch, TEST_BATCH), *images.shape[1:])
            self.pixels = torch.empty(shape, dtype=torch.uint8, device=device)

    def pick(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw a place for a crop of each of the images `rows`; without a generator, take the centre."""
        room = self.images.shape[-1] - self.recipe.crop + 1
        if generator is None:
            place = torch.full((3, len(rows)), (room - 1) // 2)
            place[2] = 0
        else:
            place = torch.randint(room, (3, len(rows)), generator=generator)
            place[2] = torch.randint(2, (len(rows),), generator=generator) * self.recipe.mirror
        return torch.cat([rows[:, None].cpu(), place.T], 1).to(self.pixels.device)

    def batches(self, picks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield batches of picks, each once its images are on the device; the next one is read meanwhile."""
        if self.resident:
            yield from picks
            return
        buffers = [torch.empty(self.pixels.shape, dtype=torch.uint8, pin_memory=self.pixels.is_cuda) for _ in range(2)]

        def read(number: int, batch: Tensor) -> Tensor:
            buffer = buffers[number % 2][: len(batch)]
            np.copyto(buffer.numpy(), self.images[batch[:, 0].cpu().numpy()])
            return buffer

        picks = list(picks)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(read, 0, picks[0])
            for number, batch in enumerate(picks):
                self.pixels[: len(batch)].copy_(ahead.result())
                if number + 1 < len(picks):
                    ahead = pool.submit(read, number + 1, picks[number + 1])
                here = batch.clone()
                here[:, 0] = torch.arange(len(batch), device=batch.device)
                yield here

    def take(self, picks: Tensor) -> Tensor:
        """Return the inputs of a batch: crops, minus the mean, divided by the recipe's `divide_by`."""
        row, top, left, mirrored = (column[:, None, None, None] for column in picks.unbind(1))
        along = torch.arange(self.recipe.crop, device=picks.device)
        down, across = along[None, None, :, None], along[None, None, None, :]
        across = torch.where(mirrored == 1, self.recipe.crop - 1 - across, across)
        channel = torch.arange(3, device=picks.device)[None, :, None, None]
        pixels = self.pixels[row, channel, top + down, left + across]
        crops = (pixels.float() - self.mean[channel, top + down, left + across]) / self.recipe.divide_by
        return crops.to(getattr(torch, self.recipe.precision), memory_format=torch.channels_last)

    @property
    def test_batch(self) -> int:
        """How many inputs are evaluated at a time."""
        return test_batch((1, 3, self.recipe.crop, self.recipe.crop), self.pixels.device.type)


def fits(images: np.ndarray | Rows, device: str) -> bool:
    """Whether to keep all images on the device; on a CPU, if they are in memory anyway."""
    if device == "cpu":
        return not isinstance(images, Rows)
    size = len(images) * int(np.prod(images.shape[1:]))
    kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # by PyTorch, for whoever asks next
    return size < SHARE * (torch.cuda.mem_get_info()[0] + kept)


def mean_image(images: np.ndarray | Rows) -> Tensor:
    """Return the mean image, float32 `[3, H, W]` (0..255), of at most MEAN_OF of the images."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(MEAN_OF, len(images))).astype(np.int64))
    total = np.zeros(images.shape[1:])
    for part in np.array_split(chosen, -(-len(chosen) // 500)):
        interrupts.check()
        total += images[part].sum(0, dtype=np.float64)
    return torch.from_numpy(total / len(chosen)).float()
