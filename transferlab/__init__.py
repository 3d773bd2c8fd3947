"""transferlab: how transferable are the features of a deep network, layer by layer?"""

from transferlab.lab import Lab
from transferlab.notation import Treatment

__version__ = "0.1.0"
__all__ = ["Lab", "Treatment"]
