"""A Sphinx extension for the home page: its explorer, the link to the repository, and a title that is said once."""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Explorer(SphinxDirective):
    """{home-explorer}: the published study against 2014. The page is no notebook: it needs no kernel."""

    def run(self) -> list[nodes.Node]:
        from transferlab import study  # here: what they import takes seconds, and only the home page needs it
        from transferlab.chapters import widgets

        for name in ("networks", "networks_2014"):
            self.env.note_dependency(str(study.RESULTS / f"{name}.csv"))
        html = widgets.small_explorer(study.published(), study.published("networks_2014"))
        return [nodes.raw("", html.data, format="html")]


class Repository(SphinxDirective):
    """{repository}: a line that says where the code is, or nothing where _config.yml does not."""

    def run(self) -> list[nodes.Node]:
        address = self.config.html_theme_options.get("repository_url")
        if not address:
            return []
        link = nodes.reference("", address.removeprefix("https://"), refuri=address)
        return [nodes.paragraph("", "The code, the data and the chapters as notebooks are at ", link, nodes.Text("."))]


def say_once(app, page, template, context, doctree) -> None:
    """The home page has the title of the book: its tab need not show that twice."""
    if page == app.config.root_doc:
        context["theme_logo"] = {"text": context["docstitle"], **(context.get("theme_logo") or {})}
        context["docstitle"] = ""


def setup(app) -> dict:
    app.add_directive("home-explorer", Explorer)
    app.add_directive("repository", Repository)
    app.connect("html-page-context", say_once)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
