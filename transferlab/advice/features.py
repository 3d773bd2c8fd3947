"""The features of a donor behind each of its cuts, for every image: one pass, pooled, and kept by content.

What is kept lies in the cache folder, under the donor's name, in files of some images each. An image is known by a
digest of its pixels, so a new image costs one pass, a folder that was moved none, and a pass that was interrupted goes
on where it stopped.
"""

import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from tqdm.auto import tqdm

from transferlab.datasets.rows import Joined, Rows
from transferlab.donors import Donor
from transferlab.engine import interrupts
from transferlab.engine.inputs import to_device, to_input
from transferlab.system import cache
from transferlab.system.files import replacing
from transferlab.system.machine import cores, hardware

CHUNK = 32  # images of a file
SMALL = 64  # pixels: below, one core does it
VERSION = 1  # of what is kept: raise it when pooling changes


@dataclass(frozen=True, eq=False)
class Features:
    """Pooled features behind each cut, float32 `[N, width]`, and what it costs to compute them.

    `milliseconds` an image and `megabytes` (weights, and the largest output of a block for one image) are those of all
    blocks up to the cut, in float32, on `hardware`.
    """

    cuts: tuple[int, ...]
    arrays: list[np.ndarray]
    milliseconds: list[float]
    megabytes: list[float]
    hardware: str


def pooled(outputs: Tensor) -> Tensor:
    """Return one vector an image: the mean of each map; of tokens the first and the mean of the others.

    >>> pooled(torch.zeros(2, 64, 7, 7)).shape, pooled(torch.zeros(2, 197, 768)).shape, pooled(torch.zeros(2, 9)).shape
    (torch.Size([2, 64]), torch.Size([2, 1536]), torch.Size([2, 9]))
    """
    if outputs.dim() == 4:
        return outputs.mean((2, 3))
    if outputs.dim() == 3:
        return torch.cat([outputs[:, 0], outputs[:, 1:].mean(1)], 1)
    return outputs


def of_all_cuts(donor: Donor, images: np.ndarray | Rows | Joined, device: str = "cpu") -> Features:
    """Return the features of images, uint8 `[N, 3, H, W]`, from the cache as far as it has them.

    Raises RuntimeError if the device has no room even for one image.
    """
    digests = [hashlib.blake2b(images[row].tobytes(), digest_size=16).digest() for row in range(images.shape[0])]
    folder = cache.folder() / "features" / f"{donor.name.replace('/', '-')}-{VERSION}-{device}"
    known = _read(folder, {*digests}, len(donor.cuts))
    missing = [row for row, digest in enumerate(digests) if digest not in known]
    rows = {digest: row for row, digest in reversed([*enumerate(digests)])}  # each image once
    missing = [row for row in missing if rows[digests[row]] == row]
    done = len(digests) - len(missing)
    with tqdm(total=len(digests), initial=done, desc="features", unit="image", disable=not missing) as bar:
        for start in range(0, len(missing), CHUNK):
            chosen = missing[start : start + CHUNK]
            found = _computed(donor, images[np.array(chosen)], device)
            _write(folder, [digests[row] for row in chosen], found)
            known |= _by_digest([digests[row] for row in chosen], found)
            bar.update(len(chosen))
    mine = [known[digest] for digest in digests]
    arrays = [np.stack([vectors[place] for vectors, _, _ in mine]) for place in range(len(donor.cuts))]
    seconds = np.median([each for _, each, _ in mine], axis=0).cumsum()
    outputs = np.maximum.accumulate(mine[0][2])
    weights = np.cumsum([_bytes(donor.layers[cut - 1]) for cut in donor.cuts])
    return Features(
        donor.cuts, arrays, [*(1e3 * seconds)], [*((weights + 4 * outputs) / 1e6)], hardware(device)
    )  # fmt: skip


def _bytes(layers: torch.nn.Module) -> int:
    return sum(each.numel() * each.element_size() for each in layers.state_dict().values())


Known = tuple[list[np.ndarray], np.ndarray, np.ndarray]  # a vector for each cut; seconds and outputs of each block
Found = dict[str, Tensor]


@torch.no_grad()
def _computed(donor: Donor, images: np.ndarray, device: str) -> Found:
    """Return features, seconds an image of each block, and numbers an image that each block puts out."""
    to_device(donor.layers, device)
    batch, threads = len(images), torch.get_num_threads()
    # small images leave nothing to share out, and threads that wait for each other take the core from who works
    torch.set_num_threads(cores() if images.shape[-1] > SMALL else 1)
    try:
        while True:
            try:
                return _batches(donor, images, device, batch)
            except torch.OutOfMemoryError:
                if batch == 1:
                    break
                batch = -(-batch // 2)
    finally:
        torch.set_num_threads(threads)
    raise RuntimeError(
        f"{hardware(device)} has no room for one image of {images.shape[-1]} pixels in {donor.title}; close what else "
        'uses it, or ask for device="cpu"'
    )


def _batches(donor: Donor, images: np.ndarray, device: str, batch: int) -> Found:
    parts: list[list[Tensor]] = [[] for _ in donor.cuts]
    seconds, outputs = np.zeros(len(donor.cuts)), np.zeros(len(donor.cuts))
    for start in range(0, len(images), batch):
        interrupts.check()
        values = to_input(images[start : start + batch], "float32", device)
        for place, (_, layer) in enumerate([*donor.layers.named_children()][: len(donor.cuts)]):
            started = perf_counter()
            values = layer(values)
            if device == "cuda":
                torch.cuda.synchronize()
            seconds[place] += perf_counter() - started
            outputs[place] = math.prod(values.shape[1:])
            parts[place].append(pooled(values).float().cpu())
    found = {f"cut{cut}": torch.cat(part) for cut, part in zip(donor.cuts, parts, strict=True)}
    return found | {"seconds": torch.from_numpy(seconds / len(images)), "outputs": torch.from_numpy(outputs)}


def _by_digest(digests: list[bytes], found: Found) -> dict[bytes, Known]:
    arrays = [found[key].numpy() for key in sorted(found) if key.startswith("cut")]
    costs = found["seconds"].numpy(), found["outputs"].numpy()
    return {digest: ([array[row] for array in arrays], *costs) for row, digest in enumerate(digests)}


def _write(folder: Path, digests: list[bytes], found: Found) -> None:
    """Keep features under the digest of the file's own bytes, so that damage is noticed."""
    content = save({name: each.contiguous() for name, each in found.items()} | {"digests": _packed(digests)})
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{hashlib.sha256(content).hexdigest()[:32]}.safetensors") as beside:
        beside.write_bytes(content)


def _packed(digests: list[bytes]) -> Tensor:
    return torch.tensor([[*digest] for digest in digests], dtype=torch.uint8)


def _read(folder: Path, wanted: set[bytes], count: int) -> dict[bytes, Known]:
    """Return what is kept of the wanted images; files that are damaged are left alone, and made again."""
    known: dict[bytes, Known] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with suppress(SafetensorError, OSError, KeyError):
            with safe_open(path, "pt") as file:
                digests = [bytes(each.tolist()) for each in file.get_tensor("digests")]
                if not wanted & {*digests}:
                    continue
                if hashlib.sha256(path.read_bytes()).hexdigest()[:32] != path.stem:
                    continue
                found = {name: file.get_tensor(name) for name in file.keys() if name != "digests"}  # noqa: SIM118
            if len(found) == count + 2:
                known |= {digest: each for digest, each in _by_digest(digests, found).items() if digest in wanted}
    return known
