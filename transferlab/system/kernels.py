"""The Jupyter kernels in which chapters run."""

import functools
import os

from jupyter_client import AsyncKernelManager


@functools.cache
def quiet_kernels() -> None:
    """Let the kernels that this process starts have nothing to warn of.

    Each would say that whoever listens on this machine can read what is sent to it, so it is encrypted; and that its
    debugger, which nobody uses here, may miss breakpoints.
    """
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    if hasattr(AsyncKernelManager, "transport_encryption"):  # older releases neither encrypt nor warn
        start = AsyncKernelManager.start_kernel
        AsyncKernelManager.start_kernel = functools.partialmethod(start, transport_encryption="auto")
