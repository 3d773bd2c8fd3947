"""What every chapter does first: check its parameters, so that papermill can run it without surprises."""

import ast
from collections.abc import Mapping, MutableMapping

from transferlab import splits
from transferlab.lab import Lab, plan_sweep

PARAMETERS = ("dataset", "scale", "split", "seeds", "layers", "runs", "data_root", "device")


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
    plan_sweep(("base",), namespace["layers"], namespace["seeds"], ("B",))
    lab = Lab(**{name: namespace[name] for name in ("dataset", "scale", "runs", "data_root", "device")})
    for seed in namespace["seeds"]:
        splits.halves(lab.data, namespace["split"], seed)
    return lab


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
