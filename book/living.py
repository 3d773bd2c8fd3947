"""A Sphinx extension for the page "The living network", whose networks run in the browser, and for its small forms.

The directive {living-network} says which part of it stands there: see, learn, or one of the small forms, ask and race.
A chapter is read in JupyterLab too, which does not know that directive: there an admonition of the class living-PART
stands for it, and its text stays without the box.

The networks come from the run store (`make train`); those that it lacks are trained. Their files are written while the
part "see" is read, into a folder of the build that Sphinx copies to `_static` with the book's other files. A book
without that page, as a batch renders it, has no part of it at all.
"""

import os
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PAGE = "book/living"
MADE = "living-files"  # beside the doctrees; Sphinx copies what is in it
FOLDER = "living"  # in _static
BOX = "living-"  # before the part, the class of an admonition


class LivingNetwork(SphinxDirective):
    """{living-network} PART: a part of the living network; what is written in it stands above."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        return drawn(self.env, self.arguments[0], self.parse_content_to_nodes())


def drawn(env, name: str, text: list[nodes.Node]) -> list[nodes.Node]:
    """Return the `text` with a part of the living network below it."""
    from transferlab.chapters import living_page  # here: these imports take seconds, and few pages need them

    if PAGE not in env.found_docs:
        return []
    html = part(env, name)
    if not env.temp_data.setdefault(FOLDER, ""):  # the code is on a page once
        env.temp_data[FOLDER] = name
        html += living_page.code(f"{'../' * env.docname.count('/')}_static/{FOLDER}")
    return [*text, nodes.raw("", html, format="html")]


def part(env, name: str) -> str:
    from transferlab import Lab
    from transferlab.chapters import living, living_page

    if name not in ("see", "ask"):
        return living_page.part(name)
    lab = Lab(scale=os.environ.get("TRANSFERLAB_SCALE") or "laptop", at_once=1)
    if name == "ask":
        return living_page.question(lab)
    living.export(lab, made(env.app) / FOLDER)
    return living_page.part(name, living_page.still(lab))


def open_boxes(app, doctree: nodes.document) -> None:
    """Draw the parts that an admonition stands for."""
    for box in list(doctree.findall(nodes.admonition)):
        for name in (each.removeprefix(BOX) for each in box["classes"] if each.startswith(BOX)):
            box.replace_self(drawn(app.env, name, box.children[1:]))  # the first is the title


def made(app) -> Path:
    return Path(app.doctreedir).parent / MADE


def add_files(app) -> None:
    made(app).mkdir(parents=True, exist_ok=True)
    app.config.html_static_path.append(str(made(app)))


def setup(app) -> dict:
    app.add_directive("living-network", LivingNetwork)
    app.connect("builder-inited", add_files)
    app.connect("doctree-read", open_boxes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
