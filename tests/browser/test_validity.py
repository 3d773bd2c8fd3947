"""Pages that are whole: links lead somewhere, pictures have words, headings are in order, axe-core is content."""

from functools import cache
from itertools import pairwise
from urllib.parse import urldefrag

import check
import pytest
from PIL import Image, ImageStat
from test_pages import PAGES, each_page
from visits import HTML, Visit

pytestmark = pytest.mark.browser

ANATOMY = """() => ({
    ids: [...document.querySelectorAll('[id], a[name]')].map(e => e.id || e.name),
    links: [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href')),
    wordless: [...document.querySelectorAll('img')].filter(i => !i.hasAttribute('alt') || i.alt.startsWith('../'))
        .map(i => i.getAttribute('src').slice(0, 80)),
    headings: [...document.querySelectorAll('main h1, main h2, main h3, main h4, main h5, main h6')]
        .filter(h => h.checkVisibility()).map(h => [Number(h.tagName[1]), h.innerText]),
    figures: [...document.querySelectorAll('main figure[id]')].map(e => e.id),
    language: document.documentElement.lang,
    description: document.querySelector('meta[name=description]')?.content,
    shared_as: document.querySelector('meta[property="og:title"]')?.content,
    landmarks: ['header, .bd-header-article', 'main', 'nav'].map(each => document.querySelectorAll(each).length),
})"""

SHOTS = HTML.parent / "screenshots"  # of every page; the last ones
MADE_BY_SPHINX = ("genindex.html", "py-modindex.html", "search.html")
AXE_RUNS = "async () => (await axe.run({resultTypes: ['violations']})).violations"


@pytest.fixture(scope="module")
def anatomy(browser):
    """What a page is made of, by its name."""

    @cache
    def look(name):
        with Visit(browser, (HTML / name).as_uri(), until="load") as visit:
            return visit.page.evaluate(ANATOMY)

    return look


@each_page()
def test_every_link_leads_somewhere(anatomy, page_name):
    def anchors(page):
        return anatomy(page.relative_to(HTML).as_posix())["ids"]

    assert not [link for link in anatomy(page_name)["links"] if check.dead(link, HTML / page_name, anchors)]


@each_page()
def test_every_picture_has_words(anatomy, page_name):
    assert not anatomy(page_name)["wordless"]


@each_page()
def test_headings_are_in_order(anatomy, page_name):
    levels = [level for level, _ in anatomy(page_name)["headings"]]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@each_page()
def test_a_page_says_what_it_is(anatomy, page_name):
    page = anatomy(page_name)
    assert page["language"] == "en"
    if page_name not in MADE_BY_SPHINX:
        assert page["description"] and page["shared_as"]
    assert all(page["landmarks"])


def test_every_word_of_the_glossary_is_linked_from_a_chapter(anatomy):
    if not PAGES:
        pytest.skip(f"no built book in {HTML}")
    words = {name for name in anatomy("book/glossary.html")["ids"] if name.startswith("term-")}
    linked = {urldefrag(link)[1] for page in PAGES if page != "book/glossary.html" for link in anatomy(page)["links"]}
    assert words and not words - linked


def test_the_index_lists_the_figures_of_every_chapter_that_has_some(anatomy):
    if not PAGES:
        pytest.skip(f"no built book in {HTML}")
    links = {urldefrag(link) for link in anatomy("book/figures.html")["links"] if "#fig" in link}
    figures = [name for page in PAGES for name in anatomy(page)["figures"]]
    assert len(figures) > 30
    assert {anchor for _, anchor in links} == set(figures)


@each_page()
def test_every_look_of_a_page_can_be_read(browser, axe, page_name):
    """axe-core finds nothing serious, light and dark; screenshots, wide and narrow, are light or dark."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    found = []
    with Visit(browser, (HTML / page_name).as_uri(), until="load") as visit:
        page = visit.page
        page.add_style_tag(content="* {transition: none !important}")  # no colours on their way to others
        page.evaluate(axe)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
            found += page.evaluate(AXE_RUNS)
            for width in (360, 1280):
                page.set_viewport_size({"width": width, "height": 900})
                path = SHOTS / f"{page_name.replace('/', '-').removesuffix('.html')}-{width}-{scheme}.png"
                page.screenshot(path=path)
                with Image.open(path) as picture:
                    assert (ImageStat.Stat(picture.convert("L")).median[0] > 128) == (scheme == "light")
    serious = {
        f"{each['id']}: {node['html'][:150]}: {node['failureSummary'][:300]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    }
    assert not serious, "\n".join(sorted(serious))
