"""jupyter-book's own command, reading chapters side by side: `python book/build.py build .`

A chapter is read by running it, so this halves the time on two cores. Jupyter Book's command has no such option, though
its builder takes one, and two of its extensions do not say whether they can be read with in parallel: one only numbers
chapters once all are read, the other only acts on LaTeX. Both can.
"""

import functools
import sys
from collections.abc import Sequence
from typing import Any

import sphinx_jupyterbook_latex
import sphinx_multitoc_numbering
from jupyter_book import sphinx
from jupyter_book.cli import main as command
from sphinx import builders

from transferlab.system.kernels import own_kernels
from transferlab.system.machine import cores


def main():
    own_kernels()
    for extension in (sphinx_multitoc_numbering, sphinx_jupyterbook_latex):
        declare(extension)
    # a page a process at a time: Sphinx deals out runs of neighbours, and all chapters but three would go to one
    builders.make_chunks = one_each
    # where it cannot fork, Sphinx reads one by one
    sphinx.build_sphinx = functools.partial(sphinx.build_sphinx, jobs=cores())
    sys.argv[0] = "jupyter-book"
    command.main()


def one_each(arguments: Sequence[str], nproc: int, maxbatch: int = 10) -> list[Any]:
    """Deal out pages one by one, those that take long first.

    These are the API, for which every module is read, and the chapters, which are at the end of the alphabet.
    """
    return [[page] for page in sorted(reversed(arguments), key=lambda page: page != "book/api")]


def declare(extension) -> None:
    """Let an extension say that it can be read with in parallel."""
    setup = extension.setup
    extension.setup = lambda app: {**(setup(app) or {}), "parallel_read_safe": True}


if __name__ == "__main__":
    main()
