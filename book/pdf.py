"""The built book as one PDF: python book/pdf.py _build/html _build/book.pdf (make pdf).

Each page is opened in Chromium, so that its widgets and formulas are drawn, and what is drawn goes into one long page,
which is printed by the print rules of style.css. It is printed twice: the first time says where each chapter begins.
"""

import html
import logging
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, PdfMargins, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MARGIN: PdfMargins = {"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"}
NUMBER = '<p style="width: 100%; text-align: center; font: 9px sans-serif"><span class="pageNumber"></span></p>'
STYLE = """
body { display: block; font-variant-ligatures: none; } /* so that a search finds "first" */
.bd-article { break-before: page; padding: 0; }
.bd-main .bd-content .bd-article h1:first-of-type { display: block; margin-top: 0; }
.tl-title { padding-top: 30vh; text-align: center; }
.tl-title h1 { font-size: 2.5rem; }
.tl-contents { break-before: page; }
.tl-contents h1 { margin-top: 0; }
.tl-contents p { font-weight: bold; margin: 1rem 0 0.25rem; }
.tl-contents a { display: flex; gap: 0.5rem; color: #000; text-decoration: none; padding: 0.1rem 0; }
.tl-contents a i { flex: 1; border-bottom: 1px dotted #999; margin-bottom: 0.35rem; }
"""

# what is drawn in a page, with ids of its own, and links that lead into the one document where they can
DRAWN = """async ({prefix, prefixes}) => {
    document.querySelectorAll('.toggle-hidden').forEach(part => part.classList.remove('toggle-hidden'));
    for (const image of document.querySelectorAll('article img')) {
        image.loading = 'eager';
        await image.decode().catch(() => {});
        if (image.src.startsWith('blob:')) {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            canvas.getContext('2d').drawImage(image, 0, 0);
            image.src = canvas.toDataURL();
        }
        image.setAttribute('src', image.src);
        image.removeAttribute('srcset');
    }
    document.querySelectorAll('article input').forEach(i => i.toggleAttribute('checked', i.checked));
    const article = document.querySelector('article.bd-article').cloneNode(true);
    const unseen = 'script, .headerlink, button, mjx-assistive-mml, details.hide:not([open])';
    article.querySelectorAll(unseen).forEach(part => part.remove());
    for (const link of article.querySelectorAll('a[href]')) {
        const to = new URL(link.getAttribute('href'), location.href);
        if (to.protocol !== 'file:') continue;
        const into = prefixes[decodeURI(to.pathname)];
        if (into === undefined) link.removeAttribute('href');
        else link.setAttribute('href', '#' + into + decodeURIComponent(to.hash.slice(1)));
    }
    for (const part of article.querySelectorAll('*')) {
        if (part.id) part.id = prefix + part.id;
        for (const {name, value} of [...part.attributes]) {
            if (name === 'xlink:href' || (name === 'href' && part.tagName !== 'A'))
                part.setAttribute(name, value.replace(/^#/, '#' + prefix));
            else if (name === 'for' || name === 'name') part.setAttribute(name, prefix + value);
            else if (/^aria-(labelledby|describedby|controls)$/.test(name))
                part.setAttribute(name, value.split(' ').map(id => prefix + id).join(' '));
            else if (value.includes('url(#')) part.setAttribute(name, value.replaceAll('url(#', 'url(#' + prefix));
        }
    }
    article.id = prefix;
    const rules = [...document.styleSheets].filter(sheet => sheet.ownerNode.id === 'MJX-CHTML-styles');
    return {
        title: article.querySelector('h1').innerText.trim(),
        body: article.outerHTML,
        formulas: rules.flatMap(sheet => [...sheet.cssRules].map(rule => rule.cssText)).join('\\n'),
        styles: [...document.querySelectorAll('link[rel=stylesheet]')].map(link => link.href),
    };
}"""
READY = """() => [...document.querySelectorAll('article .math')].every(part => part.querySelector('mjx-container'))
    && [...document.querySelectorAll('article script[type="application/vnd.jupyter.widget-view+json"]')].every(
        view => view.parentElement.querySelector('.widget-subarea .jupyter-widgets'))"""

HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .filter(heading => heading.checkVisibility()).map(heading => heading.innerText.replace(/\\s+/g, ' ').trim())"""


def parts() -> list[tuple[str, list[str]]]:
    """The parts of the book in the order of _toc.yml: a caption and the names of its pages."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [("", [toc["root"]])] + [
        (part["caption"], [chapter["file"] for chapter in part["chapters"]]) for part in toc["parts"]
    ]


def write(built: Path, to: Path, browser: Browser, only: Sequence[str] = ()) -> list[tuple[str, int]]:
    """Print the book built in `built`, or `only` some of its pages; return each page's title and its number in `to`."""
    order = [(caption, [name for name in names if not only or name in only]) for caption, names in parts()]
    pages = {name: (built / f"{name}.html").resolve() for _, names in order for name in names}
    if missing := sorted(str(path) for path in pages.values() if not path.exists()):
        raise SystemExit(f"no built page {missing[0]}: run make book first")
    prefixes = {path.as_posix(): f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}--" for name, path in pages.items()}
    page, drawn = browser.new_page(color_scheme="light"), {}
    for name, path in pages.items():
        page.goto(path.as_uri(), wait_until="load")
        page.wait_for_function(READY, timeout=60_000)
        drawn[name] = page.evaluate(DRAWN, {"prefix": prefixes[path.as_posix()], "prefixes": prefixes})
    anchors = {name: prefixes[path.as_posix()] for name, path in pages.items()}
    numbers = dict.fromkeys(anchors.values(), 0)
    whole = to.with_suffix(".html")
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        page.emulate_media(media="print")
        for _ in range(4):  # the second time agrees with the first, unless the contents have got longer
            whole.write_text(document(order, drawn, anchors, numbers), encoding="utf-8")
            page.goto(whole.resolve().as_uri(), wait_until="load")
            page.evaluate("() => document.fonts.ready")
            page.pdf(
                path=to, format="A4", margin=MARGIN, print_background=True, outline=True, tagged=True,
                display_header_footer=True, header_template="<span></span>", footer_template=NUMBER,
            )  # fmt: skip
            found = begins(to, anchors.values())
            if found == numbers:
                name_bookmarks(to, page.evaluate(HEADINGS))
                break
            numbers = found
        else:
            raise RuntimeError("the table of contents does not settle: each print moves the chapters")
    finally:
        whole.unlink(missing_ok=True)
        page.close()
    return [(drawn[name]["title"], numbers[anchor]) for name, anchor in anchors.items()]


def name_bookmarks(pdf: Path, headings: list[str]) -> None:
    """Give the bookmarks the words of the headings: Chromium repeats those of a heading that moved to a new page."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns that Chromium counts its own objects wrongly
    writer = PdfWriter(clone_from=pdf)
    outlines: Any = writer.root_object["/Outlines"]
    marks, rest = [], [outlines.get("/First")]
    while rest:
        if mark := rest.pop():
            marks.append(mark := mark.get_object())
            rest += [mark.get("/Next"), mark.get("/First")]
    if len(marks) != len(headings):
        raise RuntimeError(f"{len(marks)} bookmarks for {len(headings)} headings: {pdf} has lost or gained some")
    for mark, heading in zip(marks, headings):
        mark[NameObject("/Title")] = TextStringObject(heading)
    writer.write(pdf)


def begins(pdf: Path, anchors) -> dict[str, int]:
    """The number of the page that each anchor is on."""
    reader = PdfReader(pdf)
    places = {name.lstrip("/"): place for name, place in reader.named_destinations.items()}
    return {anchor: (reader.get_destination_page_number(places[anchor]) or 0) + 1 for anchor in anchors}


def document(order, drawn: dict[str, dict], anchors: dict[str, str], numbers: dict[str, int]) -> str:
    """One page of HTML: the title, the contents with their numbers, the pages one after the other."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    title = html.escape(config["title"])
    lines = []
    for caption, names in order:
        if caption and names:
            lines.append(f"<p>{html.escape(caption)}</p>")
        lines += [
            f'<a href="#{anchors[name]}">{html.escape(drawn[name]["title"])}<i></i>{numbers[anchors[name]]}</a>'
            for name in names
        ]
    styles = dict.fromkeys(address for each in drawn.values() for address in each["styles"])
    links = "".join(f'<link rel="stylesheet" href="{html.escape(address)}">' for address in styles)
    formulas = dict.fromkeys(each["formulas"] for each in drawn.values())
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{title}</title>{links}'
        f'<style>{"".join(formulas)}</style><style>{STYLE}</style></head><body><main class="bd-main">'
        '<div class="bd-content"><div class="bd-article-container">'
        f'<section class="tl-title"><h1>{title}</h1><p>{html.escape(config["author"])}, {config["copyright"]}</p>'
        "</section>"
        f'<nav class="tl-contents"><h1>Contents</h1>{"".join(lines)}</nav>'
        f"{''.join(each['body'] for each in drawn.values())}</div></div></main></body></html>"
    )


def chromium() -> str | None:
    """The Chromium or Chrome of this machine, if it has one."""
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), str(mac) if mac.exists() else None)


def main(built: str, to: str) -> None:
    if (executable := chromium()) is None:
        raise SystemExit(
            "a PDF is printed by Chromium, and neither chromium, chromium-browser nor google-chrome is on the PATH: "
            "install one of them (Debian: apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        write(Path(built), Path(to), browser)
        browser.close()
    print(f"{to}: {len(PdfReader(to).pages)} pages, {Path(to).stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
