"""A Sphinx extension for the page "The living network": {living-network} runs the study's networks in the browser.

The networks come from the run store (`make train`); those that it lacks are trained. Their files are written while the
page is read, into a folder of the build that Sphinx copies to `_static` with the book's other files.
"""

import os
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

MADE = "living-files"  # beside the doctrees; Sphinx copies what is in it
FOLDER = "living"  # in _static


class LivingNetwork(SphinxDirective):
    """{living-network}: the page's widget, and its files."""

    def run(self) -> list[nodes.Node]:
        from transferlab import Lab  # here: these imports take seconds, and only this page needs them
        from transferlab.chapters import living, living_page

        lab = Lab(scale=os.environ.get("TRANSFERLAB_SCALE") or "laptop", at_once=1)
        living.export(lab, made(self.env.app) / FOLDER)
        up = "../" * self.env.docname.count("/")
        html = living_page.page(f"{up}_static/{FOLDER}", living_page.still(lab))
        return [nodes.raw("", html, format="html")]


def made(app) -> Path:
    return Path(app.doctreedir).parent / MADE


def add_files(app) -> None:
    made(app).mkdir(parents=True, exist_ok=True)
    app.config.html_static_path.append(str(made(app)))


def setup(app) -> dict:
    app.add_directive("living-network", LivingNetwork)
    app.connect("builder-inited", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
