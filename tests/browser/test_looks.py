"""Figures and widgets in the dark and on a phone, the home page, and the index of figures."""

import io

import pytest
from PIL import Image, ImageStat
from visits import HTML, NO_BOOK, Visit

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not HTML.exists(), reason=NO_BOOK)]

DRAWN = ".tl-figure, .tl-sheet, .tl-widget"

# what has a light background of its own, among figures and widgets and all that is around and in them
LIGHT = """drawn => [...document.querySelectorAll(drawn)].flatMap(each => [each, ...each.querySelectorAll('*')])
    .concat([...document.querySelectorAll('.cell_output, .cell_output > *, .cell_output figure')])
    .filter(each => {
        const [red, green, blue, alpha = 1] = getComputedStyle(each).backgroundColor.match(/[\\d.]+/g).map(Number);
        return alpha > 0.5 && red + green + blue > 600;
    }).map(each => each.outerHTML.slice(0, 120))"""

# the smallest text of each figure, as it is on the screen; a solution has less room
SMALLEST = """drawn => [...document.querySelectorAll(drawn)].filter(each => !each.closest('.admonition')).map(each => {
    const texts = [...each.querySelectorAll('text, span, label, p')].filter(text => text.textContent.trim());
    const scale = (drawn) => drawn ? Math.hypot(drawn.a, drawn.b) : 1;  // whichever way it is turned
    const size = (text) => parseFloat(getComputedStyle(text).fontSize) * scale(text.getScreenCTM?.());
    return Math.min(...texts.filter(text => text.checkVisibility()).map(size), 99);
})"""


def address(page_name):
    return (HTML / f"{page_name}.html").as_uri()


def test_nothing_has_light_paper_in_the_dark(phone):
    page = phone.look(1280, "dark")
    assert page.evaluate(LIGHT, DRAWN) == []
    seen = [figure for figure in page.locator(".tl-figure, .tl-widget").all() if figure.is_visible()]  # not folded
    for figure in seen[:3]:  # all are drawn alike, and a picture of one takes a fifth of a second
        picture = Image.open(io.BytesIO(figure.screenshot(animations="disabled"))).convert("L")
        assert ImageStat.Stat(picture).mean[0] < 110


def test_the_words_of_a_figure_can_be_read_on_a_phone(phone):
    sizes = phone.look(390, "dark").evaluate(SMALLEST, DRAWN)
    assert all(size >= 9 for size in sizes), sizes


def test_the_chapters_have_figures_that_are_part_of_the_page(browser):
    with Visit(browser, address("notebooks/03_selffer_and_transfer"), until="load") as visit:
        figures = visit.page.locator("figure .tl-figure[role=img]").all()
        assert len(figures) >= 5 and all(figure.get_attribute("aria-label") for figure in figures)
        assert "n, the number of layers copied" in visit.page.locator(".tl-figure").last.inner_html()


def test_the_home_page_has_the_explorer_and_a_start(browser):
    with Visit(browser, address("book/intro"), until="load") as visit:
        page = visit.page
        assert page.title() == "How transferable are features?"
        widget = page.locator(".tl-widget").first
        before = widget.locator(".tl-sentence").inner_text()
        assert "Ours:" in before and "2014:" in before
        widget.get_by_label("BnB", exact=True).check()
        widget.get_by_role("slider").fill("4")
        assert widget.get_attribute("data-network") == "B4B" and widget.locator(".tl-sentence").inner_text() != before
        page.get_by_role("link", name="Start with chapter 1").click()
        page.wait_for_url("**/notebooks/01_two_worlds.html")
        assert not visit.problems


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_index_shows_each_figure_with_its_number(browser, scheme):
    with Visit(browser, address("book/figures"), scheme=scheme) as visit:
        entries = visit.page.locator(".tl-index li").all()
        assert len(entries) > 30
        for entry in entries:
            assert entry.inner_text().startswith("Fig. ")
            assert sum(picture.is_visible() for picture in entry.locator("img").all()) == 1
        assert not visit.problems
