"""A Sphinx extension: the directive {figure-index} lists every captioned figure of the book, page by page."""

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective


class Place(nodes.General, nodes.Element):
    """Where the list goes, once all pages are read."""


class FigureIndex(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [Place()]


def fill(app, doctree: nodes.document, page: str) -> None:
    for place in list(doctree.findall(Place)):
        place.replace_self(listing(app, page))


def listing(app, page: str) -> nodes.bullet_list:
    """A line a figure: the page's title, and the caption as a link to it."""
    env, items = app.env, nodes.bullet_list()
    for each in pages(env):
        figures = nodes.bullet_list()
        for figure in env.get_doctree(each).findall(nodes.figure):
            caption = next((child for child in figure.children if isinstance(child, nodes.caption)), None)
            if caption is not None and figure["ids"]:
                address = f"{app.builder.get_relative_uri(page, each)}#{figure['ids'][0]}"
                figures += line(nodes.reference("", caption.astext(), refuri=address, internal=True))
        if len(figures):
            item = line(nodes.strong("", env.titles[each].astext()))
            item += figures
            items += item
    return items


def pages(env) -> list[str]:
    """All pages in the order of the book."""
    found, todo = [], [env.config.root_doc]
    while todo:
        page = todo.pop(0)
        found.append(page)
        todo += env.toctree_includes.get(page, [])
    return found


def line(content: nodes.Node) -> nodes.list_item:
    return nodes.list_item("", addnodes.compact_paragraph("", "", content))


def setup(app) -> dict:
    app.add_node(Place)
    app.add_directive("figure-index", FigureIndex)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True}
