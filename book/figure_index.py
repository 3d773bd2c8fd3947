"""A Sphinx extension: the directive {figure-index} shows every captioned figure of the book, small, page by page."""

import io
from html import escape
from pathlib import Path

import drawings
from docutils import nodes
from PIL import Image
from sphinx.util.docutils import SphinxDirective

WIDTH = 400  # pixels of a mosaic, small


class Place(nodes.General, nodes.Element):
    """Where the list goes, once all pages are read."""


class FigureIndex(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [Place()]


def fill(app, doctree: nodes.document, page: str) -> None:
    for place in list(doctree.findall(Place)):
        place.replace_self(listing(app, page))


def listing(app, page: str) -> list[nodes.Node]:
    """For every page with figures its title, and of each figure a small picture, its number and its caption: a link."""
    env, parts = app.env, []
    for each in pages(env):
        numbers, items = env.toc_fignumbers.get(each, {}).get("figure", {}), []
        for figure in env.get_doctree(each).findall(nodes.figure):
            caption = next((child for child in figure.children if isinstance(child, nodes.caption)), None)
            if caption is not None and figure["ids"]:
                name = figure["ids"][0]
                number = ".".join(map(str, numbers[name])) if name in numbers else ""
                number = number and env.config.numfig_format["figure"] % number
                items.append(
                    f'<li><a href="{app.builder.get_relative_uri(page, each)}#{name}">{small(app, page, figure)}'
                    f"<span><strong>{number}</strong> {escape(caption.astext())}</span></a></li>"
                )
        if items:
            parts.append(nodes.rubric("", env.titles[each].astext()))
            parts.append(nodes.raw("", f'<ul class="tl-index">{"".join(items)}</ul>', format="html"))
    return parts


def small(app, page: str, figure: nodes.figure) -> str:
    """A small picture of a figure, or two, of which one is shown. The caption beside it has the words."""
    found = {Path(image["uri"]).suffix: Path(app.srcdir, image["uri"]) for image in figure.findall(nodes.image)}
    if path := found.get(".svg"):
        svg = path.read_text(encoding="utf-8")
        shown = {f"only-{look}": (drawings.fixed(svg, look == "dark").encode(), ".svg") for look in ("light", "dark")}
    elif path := found.get(".png") or found.get(".webp"):
        picture, file = Image.open(path).convert("RGBA"), io.BytesIO()
        picture.thumbnail((WIDTH, WIDTH))
        picture.save(file, format="webp", quality=80)  # a quarter of what a PNG of it takes
        shown = {"dark-light": (file.getvalue(), ".webp")}
    else:
        return ""
    pictures = []
    for look, (content, suffix) in shown.items():
        name = f"small-{figure['ids'][0]}-{look}{suffix}"
        folder = Path(app.outdir, app.builder.imagedir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        up = "../" * page.count("/")
        pictures.append(f'<img class="{look}" src="{up}{app.builder.imagedir}/{name}" alt="" loading="lazy">')
    return "".join(pictures)


def pages(env) -> list[str]:
    """All pages in the order of the book."""
    found, todo = [], [env.config.root_doc]
    while todo:
        page = todo.pop(0)
        found.append(page)
        todo += env.toctree_includes.get(page, [])
    return found


def setup(app) -> dict:
    app.add_node(Place)
    app.add_directive("figure-index", FigureIndex)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
