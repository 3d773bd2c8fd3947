"""Networks that were trained elsewhere, as the base of task A: published ones, those of a file, those of the run store.

A donor is named by what determines it, its weights, so what is trained on copies of it is filed under the same name
wherever the weights came from.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from transferlab import networks
from transferlab.datasets.images import Framing
from transferlab.networks import of_timm
from transferlab.networks import weights as of_file
from transferlab.networks.pretrained import ARCHITECTURES, PREFIX, in_parts
from transferlab.networks.weights import Expected
from transferlab.notation import Treatment
from transferlab.store import Run, Store
from transferlab.system.files import expanded, is_path

DEFAULT = "DEFAULT"


@dataclass(frozen=True, eq=False)
class Donor:
    """A trained network and what it expects of images.

    Attributes:
        title: what a reader calls it, such as "resnet18 with the weights IMAGENET1K_V1".
        network: the name of its architecture, as a recipe has it.
        layers: eight named layers, or eight blocks and a head, in evaluation mode.
        framing: how its images are scaled and cropped.
        fingerprint: a digest of every weight.
        assumed: whether its normalisation is assumed, since a file of weights does not say it.
    """

    title: str
    network: str
    layers: nn.Sequential
    framing: Framing
    fingerprint: str
    assumed: bool = False

    @property
    def name(self) -> str:
        """What it is filed under, such as "torchvision/resnet18-0f3a..."."""
        return f"{self.network}-{self.fingerprint}"

    @property
    def cuts(self) -> tuple[int, ...]:
        """After which layers it can be cut."""
        return networks.cuts(self.network)


def find(donor: str | Path | Run, weights: str | Path = DEFAULT, store: Store | None = None) -> Donor:
    """Return a donor by name.

    Args:
        donor: one of ARCHITECTURES, such as "resnet18"; one of timm's, such as "timm/resnet26"; or a base network of
            the run store: a Run, its folder, or the name of its folder in `store`.
        weights: of a published architecture: "DEFAULT", another name of torchvision's, or a file, .safetensors or .pth.
        store: where to look for a base network by the name of its folder.

    Raises:
        ValueError: for a name that is none, weights of another network, and a run that is no base network.
        OSError: for published weights that are neither in torchvision's cache nor can be fetched.
    """
    if isinstance(donor, Run):
        return _of_run(donor, weights)
    if donor in ARCHITECTURES or str(donor).removeprefix(PREFIX) in ARCHITECTURES:
        return _published(str(donor).removeprefix(PREFIX), weights)
    if isinstance(donor, str) and donor.startswith(of_timm.PREFIX):
        return _of_timm(donor.removeprefix(of_timm.PREFIX), weights)
    if is_path(donor):
        for folder in (*([store.root / "networks" / donor] if store else []), expanded("donor", donor)):
            if (folder / "spec.json").is_file():
                return _of_run(Run(folder), weights)
    raise ValueError(
        f"no donor {str(donor)!r}; there are {', '.join(ARCHITECTURES)}, timm/NAME where timm is installed, and the "
        "base networks of the run store"
        f"{f' {store.root}' if store else ''}, by the name of their folder or by its path"
    )


def _published(name: str, weights: str | Path) -> Donor:
    """Return torchvision's network `name` with weights of its own, or those of a file."""
    if not is_path(weights):
        raise ValueError(f"weights is {weights!r}; it must be a name of torchvision's, such as {DEFAULT}, or a file")
    given = Path(weights).suffix != "" or Path(weights).exists()
    path = expanded("weights", weights) if given else of_file.published(name, str(weights))
    expects = of_file.expected(name, DEFAULT if given else str(weights))
    network = of_file.loaded(name, of_file.read(path), expects.size, path)
    title = f"{name} with the weights {path.name if given else weights}"
    return _donor(title, PREFIX + name, in_parts(name, network, expects.mean, expects.deviation), expects, given)


def _of_timm(name: str, weights: str | Path) -> Donor:
    """Return timm's network `name` with the weights that timm publishes, or those of a file."""
    expects = Expected(**of_timm.expected(name))
    if weights == DEFAULT:
        network = of_timm.whole(name, 1000, pretrained=True)
    else:
        path = expanded("weights", weights)
        network = of_file.read_into(of_timm.whole(name, 1000), of_file.read(path), name, of_timm.head_of(name), path)
    normalisation = {"mean": expects.mean, "deviation": expects.deviation}
    layers = of_timm.in_parts(name, network, **normalisation).eval()
    of_timm.check(name, layers, network, expects.size, **normalisation)
    given = weights != DEFAULT
    title = f"timm's {name} with the weights {Path(weights).name if given else weights}"
    return _donor(title, of_timm.PREFIX + name, layers, expects, given)


def _donor(title: str, network: str, layers: nn.Sequential, expects: Expected, assumed: bool) -> Donor:
    framing = Framing(expects.size, expects.resize, expects.interpolation)
    return Donor(title, network, layers.eval(), framing, fingerprint(layers), assumed)


def _of_run(run: Run, weights: str | Path) -> Donor:
    """Return a base network of the run store."""
    if weights != DEFAULT:
        raise ValueError(f"{run.path.name} is a network of the run store and has its own weights; leave out {weights}")
    recipe, treatment = run.spec["recipe"], Treatment.parse(run.spec["treatment"])
    if treatment.condition != "base":
        raise ValueError(f"the donor {run.path.name} is no base network: it has layers of others itself; give a base")
    if recipe.get("crop"):
        raise ValueError(
            f"the donor {run.path.name} was trained on crops minus the mean of its own images, which the store does "
            "not keep; give a base that was trained on whole images"
        )
    layers = run.network()
    title = f"{treatment} of the run store ({run.spec['dataset']}, split {run.spec['split']}, seed {run.spec['seed']})"
    return Donor(title, recipe["network"], layers, Framing(recipe["size"]), fingerprint(layers))


def fingerprint(layers: nn.Sequential) -> str:
    """Return a digest of every weight and statistic below the last layer, which is never copied.

    >>> fingerprint(networks.build("mini", 4, 32, seed=0)) == fingerprint(networks.build("mini", 4, 32, seed=0))
    True
    """
    digest = hashlib.sha256()
    for key, tensor in layers[:-1].state_dict().items():
        digest.update(f"{key}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
