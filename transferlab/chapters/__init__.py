"""What every chapter does first: check its parameters, so that papermill can run it without surprises."""

import ast
from collections.abc import Mapping, MutableMapping, Sequence

import pandas as pd

from transferlab import splits
from transferlab.lab import Lab
from transferlab.notation import TASKS
from transferlab.store.sweeps import sweep_jobs

PARAMETERS = (
    "dataset", "scale", "split", "seeds", "layers", "runs", "data_root", "device", "cluster", "network",
    "train",
)  # fmt: skip


def open_lab(namespace: MutableMapping) -> Lab:
    """The Lab that a chapter's parameters ask for; `namespace` is the chapter's `globals()`.

    `seeds` and `layers` become lists there: papermill's `-p layers "[1, 4]"` hands over a text.

    Raises ValueError for a value that makes no sense and for a parameter, injected by papermill, that the
    chapter does not know: papermill itself only warns of those.
    """
    unknown = sorted(_injected(namespace) - {*PARAMETERS})
    if unknown:
        raise ValueError(f"no parameter {', '.join(unknown)}; this chapter knows {', '.join(PARAMETERS)}")
    for name in ("seeds", "layers"):
        namespace[name] = _whole_numbers(name, namespace[name])
    sweep_jobs(("base",), namespace["layers"], namespace["split"], namespace["seeds"], ("B",))
    if type(namespace.get("train", False)) is not bool:
        raise ValueError(f"train is {namespace['train']!r}; it must be True or False")
    changes = {"network": namespace["network"]} if namespace["network"] else {}
    options = ("dataset", "scale", "runs", "data_root", "device", "cluster")
    lab = Lab(**{name: namespace[name] for name in options}, **changes)
    pd.set_option("display.max_colwidth", None)  # sentences in tables stay whole
    for seed in namespace["seeds"]:
        splits.halves(lab.data, namespace["split"], seed)
    return lab


def own_networks(
    lab: Lab, train: bool, conditions: Sequence[str], layers: list[int], split: str, seeds: list[int]
) -> pd.DataFrame:
    """The reader's own networks into both tasks: trained now, or those of them that the store holds already."""
    if train:
        return lab.sweep(conditions, layers, split, seeds, TASKS)
    jobs = sweep_jobs(conditions, layers, split, seeds, TASKS)
    return lab.train([job for job in jobs if lab.store.find(lab.spec(*job))])


def verdicts(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `claims.audit` as a table to read: differences in points with 95 % intervals."""

    def points(row) -> str:
        known = "no networks" if pd.isna(row.estimate) else f"{row.estimate:+.1f}"
        return known if pd.isna(row.low) else f"{known} [{row.low:+.1f}, {row.high:+.1f}]"

    columns = {
        "n": rows.n,
        "claim": rows.statement,
        "points [95 %]": [points(row) for row in rows.itertuples()],
        "networks": rows.networks,
        "tasks": rows.tasks,
        "could have seen": ["" if pd.isna(value) else f"{value:.1f}" for value in rows.smallest],
        "verdict": rows.verdict,
    }
    return pd.DataFrame(columns).set_index("n")


def _whole_numbers(name: str, value: list | str) -> list[int]:
    try:
        numbers = ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        numbers = None
    if not isinstance(numbers, list) or not numbers or not all(type(item) is int for item in numbers):
        raise ValueError(f'{name} is {value!r}; it must be a list of whole numbers, such as -p {name} "[1, 4]"')
    return numbers


def _injected(namespace: Mapping) -> set[str]:
    """The names that papermill's cell sets: it is the one that begins with this comment."""
    sources = [source for source in namespace.get("In", ()) if source.startswith("# Parameters\n")]
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
