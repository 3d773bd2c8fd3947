"""A Sphinx extension for the page "The living network": {living-network} runs the study's networks in the browser.

Its argument says which part of it stands there: see, learn, or one of the small forms, ask and race. The networks
come from the run store (`make train`); those that it lacks are trained. Their files are written while the part "see" is
read, into a folder of the build that Sphinx copies to `_static` with the book's other files. A book without that page,
as a batch renders it, has no part of it at all.
"""

import os
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

PAGE = "book/living"
MADE = "living-files"  # beside the doctrees; Sphinx copies what is in it
FOLDER = "living"  # in _static


class LivingNetwork(SphinxDirective):
    """{living-network} PART: a part of the living network; what is written in it stands above."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        from transferlab.chapters import living_page  # here: these imports take seconds, and few pages need them

        if PAGE not in self.env.found_docs:
            return []
        name = self.arguments[0]
        if name not in living_page.PARTS:
            raise self.error(f"living-network has the parts {', '.join(living_page.PARTS)}; got {name!r}")
        html = self.part(name)
        if not self.env.temp_data.setdefault(FOLDER, ""):  # the code is on a page once
            self.env.temp_data[FOLDER] = name
            html += living_page.code(f"{'../' * self.env.docname.count('/')}_static/{FOLDER}")
        return [*self.parse_content_to_nodes(), nodes.raw("", html, format="html")]

    def part(self, name: str) -> str:
        from transferlab import Lab
        from transferlab.chapters import living, living_page

        if name in ("learn", "race"):
            return living_page.part(name)
        lab = Lab(scale=os.environ.get("TRANSFERLAB_SCALE") or "laptop", at_once=1)
        if name == "ask":
            return living_page.question(lab)
        living.export(lab, made(self.env.app) / FOLDER)
        return living_page.part(name, living_page.still(lab))


def made(app) -> Path:
    return Path(app.doctreedir).parent / MADE


def add_files(app) -> None:
    made(app).mkdir(parents=True, exist_ok=True)
    app.config.html_static_path.append(str(made(app)))


def setup(app) -> dict:
    app.add_directive("living-network", LivingNetwork)
    app.connect("builder-inited", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
