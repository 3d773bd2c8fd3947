"""transferlab: how transferable are the features of a deep network, layer by layer?"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transferlab.advice import advise
    from transferlab.lab import Lab
    from transferlab.notation import Treatment

__version__ = "0.1.0"
__all__ = ["Lab", "Treatment", "advise"]

_HOMES = {"advise": "transferlab.advice", "Lab": "transferlab.lab", "Treatment": "transferlab.notation"}


def __getattr__(name: str):
    """Import a name when it is first asked for (PEP 562), so that `import transferlab` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
