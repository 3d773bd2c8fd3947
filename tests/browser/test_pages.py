"""Every page of the built book, in a browser: over http and from the file system, wide and narrow.

Without a book or without Chromium the tests are skipped, with the reason.
"""

import re

import pytest
from playwright.sync_api import Page
from visits import HTML, NO_BOOK, PAGES, Visit

from transferlab import study

pytestmark = pytest.mark.browser

# each table that leaves its column, or a box that scrolls: by how much, which box, and how the table begins
WIDE_TABLES = """() => {
    const wide = [];
    for (const table of document.querySelectorAll('article table')) {
        if (!table.checkVisibility()) continue;
        const seen = part => getComputedStyle(part.closest('thead') ?? part).position !== 'absolute';
        const inside = [table, ...table.querySelectorAll('th, td')].filter(seen).map(e => e.getBoundingClientRect());
        for (let box = table.parentElement; box; box = box.parentElement) {
            const style = getComputedStyle(box), place = box.getBoundingClientRect();
            const right = place.right - parseFloat(style.paddingRight), left = place.left;
            const over = Math.max(...inside.map(part => Math.max(part.right - right, left - part.left)));
            if (over > 1) wide.push([Math.round(over), box.className, table.innerText.slice(0, 80)]);
            if (box.matches('article')) break;
        }
    }
    return wide;
}"""
WIDGET_VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]'


def page_of(name: str) -> str:
    if not HTML.exists():
        pytest.skip(NO_BOOK)
    return (HTML / "notebooks" / f"{name}.html").as_uri()


def wait_for_widgets(page: Page) -> int:
    """Wait until every widget of the page is drawn; return how many there are."""
    count = page.locator(WIDGET_VIEW).count()
    if count:
        page.wait_for_function(
            """views => [...document.querySelectorAll(views)].every(
                view => view.parentElement.querySelector('.widget-subarea .jupyter-widgets'))""",
            arg=WIDGET_VIEW,
            timeout=15_000,
        )
    return count


def shown_by_widgets(page: Page) -> list[str]:
    """The leaves of the page's widgets that a reader sees now, sliders and buttons left out."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.widget-subarea .widget-image, .widget-subarea .widget-html')]
            .filter(leaf => leaf.checkVisibility() && leaf.getBoundingClientRect().width > 0)
            .map(leaf => leaf.currentSrc || leaf.innerHTML)"""
    )


def test_opens_over_http_on_a_phone(phone):
    """Without errors, with its formulas set, and no wider than the screen."""
    page = phone.look(360, "dark")
    wait_for_widgets(page)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.math')].every(m => m.querySelector('mjx-container'))", timeout=15_000
    )
    assert page.locator("mjx-merror").count() == 0, "a formula is wrong"
    width = page.evaluate("() => document.scrollingElement.scrollWidth")
    assert width <= 360, f"the page is {width} px wide"
    assert not phone.problems


def test_opens_from_a_file_and_answers(desk, page_name):
    """Without errors; its widgets are drawn and move, its solutions fold and unfold."""
    page = desk.look()
    if wait_for_widgets(page):
        use_widgets(page)
    if "dropdown admonition" in (HTML / page_name).read_text(encoding="utf-8"):
        fold_solutions(page)
    assert not desk.problems


def test_tables_fit_their_column(desk, phone):
    """No table is wider than the text around it, not even one in a box that scrolls, or in a folded solution."""
    for visit, width, scheme in ((desk, 1280, "light"), (phone, 390, "dark")):
        visit.look(width, scheme)
        assert not visit.unfolded(WIDE_TABLES), f"on a screen of {width} px"


# where claims and what is seen of cells lie, and whether that is wider than its cell
PLACES = """(table) => {
    const place = (e) => {
        const { x, width, height } = e.checkVisibility() ? e.getBoundingClientRect() : {};
        return { x, width, height, wide: e.scrollWidth > e.parentElement.clientWidth };
    };
    return ['.tl-claim', 'td[data-label] > [aria-hidden]'].map(each => [...table.querySelectorAll(each)].map(place));
}"""


@pytest.mark.parametrize("name", ["08_every_claim", "09_when_transfer_pays"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_cell_of_a_verdict(browser, scheme, name):
    """Each claim is a block, whose cells say their n; the words for a screen reader take no place."""
    with Visit(browser, page_of(name), width=390, until="load", scheme=scheme) as visit:
        for table in visit.page.locator(".tl-verdicts").all():
            claims, cells = table.evaluate(PLACES)
            assert claims and cells
            assert len({claim["x"] for claim in claims}) == 1 and all(claim["width"] > 250 for claim in claims)
            for cell in cells:
                assert cell["x"] > 0 and cell["x"] + cell["width"] < 390 and cell["height"] > 20 and not cell["wide"]
            labels = table.locator("tr.tl-first td[data-label]").evaluate_all(
                "cells => cells.map(e => getComputedStyle(e, '::before').content)"
            )
            told = r'"n = ' if name == "08_every_claim" else r'"\d+ images"'
            assert all(re.match(told, label) for label in labels)
            table.locator("td .tl-unseen").evaluate_all("words => words.forEach(e => e.remove())")
            cut = table.locator("th.tl-study, td[data-label]").evaluate_all(
                "cells => cells.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
            )
            assert not cut
        assert not visit.problems


def test_a_verdict_that_has_the_focus_shows_its_interval(browser):
    with Visit(browser, page_of("08_every_claim"), width=360, until="load") as visit:
        cell = visit.page.locator(".tl-verdicts td[data-range]").last
        cell.click()
        said = cell.locator(".tl-unseen")
        box, size = said.bounding_box(), visit.page.viewport_size
        assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"] and box["width"] > 200
        assert box["y"] > 0 and box["y"] + box["height"] <= size["height"] and box["height"] > 20
        assert cell.get_attribute("data-range") in said.inner_text()


def test_the_whole_audit_can_be_downloaded(browser):
    with Visit(browser, page_of("08_every_claim"), until="load") as visit:
        link = visit.page.locator("a.download").get_attribute("href")
    published = (study.RESULTS / "audit.csv").read_bytes()
    assert (HTML / "notebooks" / link).resolve().read_bytes() == published


def use_widgets(page: Page):
    """Move every slider."""
    page.wait_for_function(
        """() => [...document.querySelectorAll('.widget-subarea img')]
            .every(img => !img.checkVisibility() || (img.complete && img.naturalWidth))""",
        timeout=15_000,
    )
    assert "Error displaying widget" not in page.inner_text("body")
    if sliders := page.locator(".widget-subarea .noUi-handle").all():
        before = shown_by_widgets(page)
        seen = []
        for slider in sliders:
            for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
                slider.press(key)
                page.wait_for_timeout(100)
                seen.append(shown_by_widgets(page))
        assert any(shown != before for shown in seen), "moving the sliders changes nothing"


def fold_solutions(page: Page):
    """Open every solution by keyboard and close it by mouse."""
    page.wait_for_selector(".toggle-button, details")
    solutions = page.locator(".admonition.dropdown").all()
    assert solutions, "there are no solutions"
    for solution in solutions:
        inside = solution.locator("> :not(.admonition-title)").first
        button = solution.locator("button.toggle-button").first
        assert "toggle-hidden" in solution.get_attribute("class") and not inside.is_visible()
        button.focus()
        page.keyboard.press("Enter")
        assert inside.is_visible() and button.get_attribute("data-button-toggled") != "false"
        solution.locator("> .admonition-title").click()
        inside.wait_for(state="hidden")


# boxes that have to be scrolled sideways
WIDE_CELLS = """() => [...document.querySelectorAll('div.cell pre, div.cell .cell_output, div.cell .cell_output > *')]
    .filter(box => box.checkVisibility() && box.scrollWidth > box.clientWidth)
    .map(box => `${box.scrollWidth} px in ${box.clientWidth}: ${box.innerText.trim().slice(0, 80)}`)"""


def test_no_cell_overflows_its_box(desk):
    """Code and outputs, those of solutions and folded cells too, need no scrolling sideways on a wide screen."""
    wait_for_widgets(desk.look())
    wide = desk.unfolded(WIDE_CELLS)
    assert not wide, "\n".join(wide)


@pytest.mark.skipif(not PAGES, reason=NO_BOOK)
def test_index_leads_to_the_first_page(browser):
    with Visit(browser, (HTML / "index.html").as_uri()) as visit:
        visit.page.wait_for_url("**/book/intro.html")
        assert not visit.problems
