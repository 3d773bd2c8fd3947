"""The Jupyter kernels in which chapters run."""

import functools
import os


@functools.cache
def quiet_kernels() -> None:
    """Start the kernels of this process so that they have nothing to warn about.

    By default each warns that its messages can be read by anyone on this machine, so they are encrypted here; and that
    its debugger, which is not used here, may miss breakpoints.
    """
    from jupyter_client import AsyncKernelManager  # here: a package without the chapters' extras has none

    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    if hasattr(AsyncKernelManager, "transport_encryption"):  # older releases neither encrypt nor warn
        # no setting reaches the managers that papermill and myst-nb make
        start = AsyncKernelManager.start_kernel
        AsyncKernelManager.start_kernel = functools.partialmethod(start, transport_encryption="auto")  # type: ignore[assignment]
