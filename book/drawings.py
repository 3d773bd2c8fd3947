"""A Sphinx extension: SVG pictures become part of the page, so that their colours follow its scheme, light or dark.

A page's scheme is chosen in the page, which no <img> can know of. In the page, text of a picture is text in the page's
font, and each colour #rrggbb is the variable --tl-rrggbb where `colours.css` has one. Captions and numbers stay those
of the figure around it; what the picture shows in words is its label. A mosaic of images, which is HTML
already, is given its label too.
"""

import re
from html import escape
from itertools import count
from pathlib import Path

from docutils import nodes

import transferlab

COLOURS = Path(transferlab.__file__).parent / "chapters" / "web" / "colours.css"
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
PAIR = re.compile(r"--tl-([0-9a-f]{6}): (?:var\(.*, )?(#[0-9a-f]{6})")
PLACES = re.compile(r' (?:d|x|y|width|height|points|transform)="[^"]*"')
DIGITS = re.compile(r"(\.\d\d)\d+")  # beyond a hundredth of a point
FONT = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"
DARK = {f"#{light}": dark for light, dark in PAIR.findall(COLOURS.read_text(encoding="utf-8"))}


def show(app, doctree: nodes.document, page: str) -> None:
    if app.builder.format != "html":
        return
    numbers = count(1)
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir, image["uri"])
        if path.suffix == ".svg":
            svg = inline(path.read_text(encoding="utf-8"), f"drawing-{next(numbers)}", image.get("alt", ""))
            image.replace_self(nodes.raw("", svg, format="html"))
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        words = cell["cell_metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        for html in list(cell.findall(nodes.raw)):
            if html.astext().startswith(mosaic := '<div class="tl-sheet"'):
                label = f'{mosaic} role="group" aria-label="{escape(words)}"'
                html.replace_self(nodes.raw("", html.astext().replace(mosaic, label, 1), format="html"))


def inline(svg: str, name: str, words: str) -> str:
    """An SVG file of matplotlib as an element of a page; `name` makes its ids its own."""
    width = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    assert width, "an SVG picture without a viewBox"
    size = f"max-width: {float(width[1]) * 4 / 3:.0f}px"  # a point is four thirds of a pixel
    root = f'<svg class="tl-figure" style="{size}" role="img" aria-label="{escape(words)}" viewBox='
    svg = re.sub(r"<style.*?</style>", "", slim(svg), flags=re.DOTALL)
    svg = re.sub(r"<svg\b[^>]*?viewBox=", lambda _: root, svg, count=1)
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    svg = re.sub(r'(url\(|href=")#([^)"]+)', rf"\1#{name}-\2", svg)
    return COLOUR.sub(lambda found: f"var(--tl-{found[0][1:].lower()}, {found[0]})", svg)


def slim(svg: str) -> str:
    """An SVG file of matplotlib without what nobody sees, a third of it, and without its font."""
    svg = re.sub(r"<metadata.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = svg.replace("fill: #ffffff", "fill: none", 1)  # its paper: that of the page will do
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = PLACES.sub(lambda found: DIGITS.sub(r"\1", " " + " ".join(found[0].split())), svg)
    return re.sub(r"\n\s*", "\n", svg)


def fixed(svg: str, dark: bool) -> str:
    """An SVG file in the colours of one scheme."""
    svg = slim(svg).replace("<svg ", f'<svg font-family="{FONT}" ', 1)
    if not dark:
        return svg
    svg = svg.replace("<svg ", f'<svg fill="{DARK["#000000"]}" ', 1)  # black is not written down
    return COLOUR.sub(lambda found: DARK.get(found[0].lower(), found[0]), svg)


def add_colours(app, config) -> None:
    config.html_static_path.append(str(COLOURS))


def setup(app) -> dict:
    app.connect("config-inited", add_colours)
    app.connect("doctree-resolved", show)
    app.add_css_file(COLOURS.name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
