"""What every chapter does first: it checks its parameters, so that papermill can run it without surprises."""

import ast
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import fields

import pandas as pd

from transferlab import splits
from transferlab.engine.recipes import Recipe
from transferlab.lab import Lab
from transferlab.notation import Job
from transferlab.numbers import is_whole, listed, plain
from transferlab.store.sweeps import checked_layers, sweep_jobs

PARAMETERS = (  # of all chapters together; which of them a chapter has, its first cell says
    "dataset", "scale", "split", "seeds", "layers", "few_layers", "runs", "data_root", "device", "cluster", "network",
    "recipe", "train", "images",
)  # fmt: skip
RECIPE = [field.name for field in fields(Recipe)]


def open_lab(namespace: MutableMapping) -> Lab:
    """Open the Lab that a chapter's parameters ask for; `namespace` is the chapter's `globals()`.

    Lists, `recipe` and `train` become what they say there: papermill's `-p layers "[1, 4]"` hands over a text.

    Raises ValueError for a value that makes no sense and for a parameter, injected by papermill, that the
    chapter does not declare: papermill itself only warns of those.
    """
    declared, injected = _parameters(namespace)
    unknown = [name for name in injected if name not in declared]
    if unknown:
        raise ValueError(f"no parameter {', '.join(unknown)}; this chapter knows {', '.join(declared)}")
    for name in ("seeds", "layers", "few_layers"):
        if name in namespace:
            namespace[name] = _whole_numbers(name, namespace[name])
    for name in ("layers", "few_layers"):
        checked_layers(name, namespace.get(name, [1]))
    sweep_jobs(("base",), namespace["layers"], namespace["split"], namespace["seeds"], ("B",))
    if "train" in namespace:
        namespace["train"] = _yes_or_no("train", namespace["train"])
    count = namespace.get("images", 1)
    if not is_whole(count, 1):
        raise ValueError(f"images is {count!r}; it must be a whole number of images of a class, 1 or more")
    if "images" in namespace:
        namespace["images"] = plain(count)
    changes = namespace["recipe"] = _fields(namespace.get("recipe", {}))
    if namespace["network"]:
        if "network" in changes:
            raise ValueError(f"the network is named twice: network is {namespace['network']!r}, recipe is {changes!r}")
        changes = {**changes, "network": namespace["network"]}
    options = ("dataset", "scale", "runs", "data_root", "device", "cluster")
    lab = Lab(**{name: namespace[name] for name in options}, **changes)
    pd.set_option("display.max_colwidth", None)  # sentences in tables stay whole
    for seed in namespace["seeds"]:
        splits.halves(lab.data, namespace["split"], seed)
    return lab


def say_published(lab: Lab, what: str = "everything below is") -> None:
    """Print whose networks a chapter shows if it reads published tables and the Lab's data set is another one."""
    if lab.data.name != "kingdoms":
        print(
            f"Not your data: {what} the published study on Kingdoms and the logs of 2014, whatever the parameters say. "
            f"Nothing of it is about the data set {lab.data.name!r}."
        )


def own_networks(lab: Lab, train: bool, jobs: list[Job]) -> pd.DataFrame:
    """Return the reader's own networks of `shown_jobs`: all, trained now, or only those already in the store."""
    return lab.train(jobs if train else [job for job in jobs if lab.store.find(lab.spec(*job))])


def _whole_numbers(name: str, value: Iterable[int] | str) -> list[int]:
    try:
        numbers = ast.literal_eval(value) if isinstance(value, str) else plain(value)
    except (ValueError, SyntaxError):
        numbers = None
    chosen = listed(numbers) if isinstance(numbers, Iterable) else []  # a number alone is no list
    if not chosen or not all(type(item) is int for item in chosen):
        raise ValueError(f'{name} is {value!r}; it must be a list of whole numbers, such as -p {name} "[1, 4]"')
    return chosen


def _yes_or_no(name: str, value: bool | str) -> bool:
    known = {"true": True, "false": False}
    answer = known.get(value.lower()) if isinstance(value, str) else plain(value)
    if type(answer) is not bool:
        raise ValueError(f"{name} is {value!r}; it must be True or False")
    return answer


def _fields(value: dict | str) -> dict:
    """Return the fields of a recipe to change."""
    try:
        changes = ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        changes = None
    if not isinstance(changes, dict):
        raise ValueError(f"recipe is {value!r}; it must be fields of the recipe, such as -p recipe \"{{'batch': 32}}\"")
    if unknown := [name for name in changes if name not in RECIPE]:
        raise ValueError(f"a recipe has no {', '.join(map(repr, unknown))}; it has {', '.join(RECIPE)}")
    return changes


def _parameters(namespace: Mapping) -> tuple[list[str], list[str]]:
    """Return the parameters that the chapter declares, and those that papermill injected.

    Papermill puts a cell that begins with a comment of its own after the one that declares them.
    """
    sources = list(namespace.get("In", ()))
    cells = [index for index, source in enumerate(sources) if source.startswith("# Parameters\n")]
    if not cells:
        return list(PARAMETERS), []
    declared = [name for source in sources[: cells[0]] for name in assigned(source)]
    return declared, [name for index in cells for name in assigned(sources[index])]


def assigned(source: str) -> list[str]:
    """Return the names that a cell assigns to at its top level.

    >>> assigned("import os\\nscale = 'smoke'\\nseeds: list = [0]")
    ['scale', 'seeds']
    """
    targets = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    return [target.id for target in targets if isinstance(target, ast.Name)]
