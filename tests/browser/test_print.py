"""The book on paper: every page by its print rules, and the PDF of the whole."""

import re

import pytest
from pypdf import PdfReader
from test_pages import page_of, wait_for_widgets
from visits import HTML, NO_BOOK, Visit

pytestmark = pytest.mark.browser

A4 = 658  # pixels between margins of 18 mm
ANSWERS = ("03_selffer_and_transfer", "06_dissimilar_tasks", "08_every_claim")

# what is not black on white, sticks out, is cut off, or belongs on a screen
WRONG_ON_PAPER = """width => {
    const wrong = [], seen = e => e.checkVisibility({visibilityProperty: true});
    const say = (what, e) =>
        wrong.push(`${what}: <${e.tagName} ${e.getAttribute('class')}> ${e.textContent.trim().slice(0, 60)}`);
    const light = colour => {
        const [r, g, b, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
        return alpha < 0.05 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
    };
    for (const e of document.body.querySelectorAll('*')) {
        if (!seen(e) || e.closest('mjx-container, svg, [class*="tl-unseen"]')) continue;
        const style = getComputedStyle(e), box = e.getBoundingClientRect(), paper = light(style.backgroundColor);
        if (paper !== null && paper < 0.75) say('a dark background', e);
        const words = [...e.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
        if (words && light(style.color) > 0.45) say('pale words', e);
        if (!box.width || style.position === 'absolute') continue;
        if (box.right > width + 1) say(`${Math.round(box.right - width)} px off the paper`, e);
        const cuts = style.overflowX !== 'visible' && style.display !== 'inline';
        if (e.closest('article') && cuts && e.scrollWidth > e.clientWidth + 1) say('cut off', e);
    }
    const screen = '.bd-header, .bd-sidebar-primary, .bd-sidebar-secondary, .prev-next-footer, .tl-hint, .tl-value';
    for (const e of document.querySelectorAll(`${screen}, button, summary, input:not([type=radio])`))
        if (seen(e)) say('of no use on paper', e);
    const there = '.tl-answer, figure:not(.tl-living figure), .sd-tab-content';  // not a closed panel of a widget
    for (const e of document.querySelectorAll(`article .admonition.dropdown > *, ${there}`))
        if (!seen(e)) say('folded away', e);
    return wrong;
}"""


def test_a_page_in_the_dark_prints_black_on_white_and_whole(phone):
    wait_for_widgets(phone.look(A4, "dark"))
    wrong = phone.look(A4, "dark", "print").evaluate(WRONG_ON_PAPER, A4)
    assert not wrong, "\n".join(wrong[:20])


def numbers(text: str) -> list[str]:
    return re.findall(r"[−+]?\d+(?:\.\d+)?", text)


@pytest.mark.nightly  # ten seconds; the next one prints two pages at every change
def test_the_pdf_has_the_answers_and_their_pages(browser, tmp_path):
    """Chapters 3, 6 and 8 in one document: contents that lead to them, and every number of their answers."""
    from pdf import write

    pages = {name: page_of(name) for name in ANSWERS}
    contents = write(HTML, tmp_path / "book.pdf", browser, only=[f"notebooks/{name}" for name in ANSWERS])
    reader = PdfReader(tmp_path / "book.pdf")
    texts = [page.extract_text() for page in reader.pages]
    assert [path.name for path in tmp_path.iterdir()] == ["book.pdf"]
    assert (tmp_path / "book.pdf").stat().st_size < 5_000_000  # the whole book stays below 15 MB
    bookmarks = [mark for mark in reader.outline if not isinstance(mark, list)]
    begins = [reader.get_destination_page_number(mark) + 1 for mark in bookmarks]
    assert [(mark.title, number) for mark, number in zip(bookmarks, begins)][2:] == contents
    for title, number in contents:
        assert re.search(rf"{re.escape(title)}\s*{number}\b", texts[1]), (
            f"{title!r} is not in the contents, on {number}"
        )
        assert texts[number - 1].split() and texts[number - 1].rstrip().endswith(str(number))
    for (name, address), start, stop in zip(pages.items(), begins[2:], [*begins[3:], len(texts) + 1]):
        with Visit(browser, address, until="load") as visit:
            answer = numbers(visit.page.locator(".tl-answer").inner_text())
            intervals = visit.page.locator(".tl-verdicts td").evaluate_all(
                "cells => cells.map(cell => cell.dataset.range).filter(Boolean)"
            )
        assert answer, f"chapter {name} answers without a number"
        printed = "".join(texts[start - 1 : stop - 1])
        assert not set(answer) - set(numbers(printed)), name
        assert intervals and not [each for each in intervals if each not in " ".join(printed.split())], name


def test_no_link_of_the_pdf_leads_to_a_file_of_this_machine(browser, tmp_path):
    """Nor to another page of the book as a file: what is not printed is no link."""
    from pdf import write

    if not HTML.exists():
        pytest.skip(NO_BOOK)
    write(HTML, tmp_path / "book.pdf", browser, only=["book/intro", "book/glossary"])
    links = [note.get_object() for page in PdfReader(tmp_path / "book.pdf").pages for note in page.get("/Annots", [])]
    outside = [link["/A"]["/URI"] for link in links if "/URI" in link.get("/A", {})]
    assert len(links) > len(outside)
    assert all(address.startswith(("http://", "https://")) for address in outside), outside
