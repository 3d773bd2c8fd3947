"""The Jupyter kernels in which chapters run."""

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

from transferlab.system.files import search_path


@functools.cache
def own_kernels() -> None:
    """Start the kernels of this process in its own Python, with its own transferlab, in UTF-8, and without warnings.

    Chapters ask for the kernel "python3". Another environment may have registered one of that name, which Jupyter would
    find first: in JUPYTER_PATH, or for the whole machine.
    """
    from ipykernel.kernelspec import write_kernel_spec  # here: a package without the chapters' extras has none

    folder = Path(tempfile.mkdtemp(prefix="transferlab-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    environment = {"PYTHONPATH": search_path(), "PYTHONUTF8": "1"}  # text is UTF-8, whatever the locale is
    write_kernel_spec(folder / "kernels" / "python3", {"env": environment})
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(folder), os.environ.get("JUPYTER_PATH")]))
    _quiet()


def _quiet() -> None:
    """Leave kernels nothing to warn about.

    By default each warns that its messages can be read by anyone on this machine, so they are encrypted here; and that
    its debugger, which is not used here, may miss breakpoints.
    """
    from jupyter_client import AsyncKernelManager  # here, as above

    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    if hasattr(AsyncKernelManager, "transport_encryption"):  # older releases neither encrypt nor warn
        # no setting reaches the managers that papermill and myst-nb make
        start = AsyncKernelManager.start_kernel
        AsyncKernelManager.start_kernel = functools.partialmethod(start, transport_encryption="auto")  # type: ignore[assignment]
