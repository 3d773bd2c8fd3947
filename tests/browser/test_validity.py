"""Pages that are whole: links lead somewhere, pictures have words, headings are in order, axe-core is content."""

from itertools import pairwise, product
from urllib.parse import urldefrag

import check
import pytest
from PIL import Image, ImageStat
from visits import HTML, NO_BOOK, PAGES, Visit

pytestmark = pytest.mark.browser

ANATOMY = """() => ({
    ids: [...document.querySelectorAll('[id], a[name]')].map(e => e.id || e.name),
    links: [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href')),
    wordless: [...document.querySelectorAll('img')].filter(i => !i.hasAttribute('alt') || i.alt.startsWith('../'))
        .map(i => i.getAttribute('src').slice(0, 80)),
    headings: [...document.querySelectorAll('main h1, main h2, main h3, main h4, main h5, main h6')]
        .filter(h => h.checkVisibility()).map(h => [Number(h.tagName[1]), h.innerText]),
    language: document.documentElement.lang,
    description: document.querySelector('meta[name=description]')?.content,
    shared_as: document.querySelector('meta[property="og:title"]')?.content,
    landmarks: ['header, .bd-header-article', 'main', 'nav'].map(each => document.querySelectorAll(each).length),
})"""
# of pages that are read, not opened: no script has run
READ = """async pages => Object.fromEntries(await Promise.all(pages.map(async name => {
    const page = new DOMParser().parseFromString(await (await fetch('/' + name)).text(), 'text/html');
    return [name, {
        ids: [...page.querySelectorAll('[id], a[name]')].map(e => e.id || e.name),
        links: [...page.querySelectorAll('a[href]')].map(a => a.getAttribute('href')),
        figures: [...page.querySelectorAll('main figure[id]')].map(e => e.id),
    }];
})))"""

SHOTS = HTML.parent / "screenshots"  # of every page; the last ones
MADE_BY_SPHINX = ("genindex.html", "py-modindex.html", "search.html")
# not its preload, which asks for style sheets again: from a disk that is an error in the page
AXE_RUNS = (
    """async (options) => (await axe.run({resultTypes: ['violations'], preload: false, ...options})).violations"""
)
# what axe-core looks for, by scheme: in the dark nothing but colours differs
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
LONG = ("book/api.html",)  # 31,000 elements: axe-core looks at them in `make nightly` alone


@pytest.fixture(scope="session")
def anatomy(desk):
    """What the page is made of."""
    return desk.look().evaluate(ANATOMY)


@pytest.fixture(scope="session")
def book(browser, http_root):
    """The anchors, the links and the figures of every page, by its name."""
    if not PAGES:
        pytest.skip(NO_BOOK)
    with Visit(browser, f"{http_root}/{PAGES[0]}", until="load") as visit:
        return visit.page.evaluate(READ, PAGES)


def test_every_link_leads_somewhere(anatomy, book, page_name):
    def anchors(page):
        name = page.relative_to(HTML).as_posix()
        return anatomy["ids"] if name == page_name else book[name]["ids"]

    assert not [link for link in anatomy["links"] if check.dead(link, HTML / page_name, anchors)]


def test_every_picture_has_words(anatomy):
    assert not anatomy["wordless"]


def test_headings_are_in_order(anatomy):
    levels = [level for level, _ in anatomy["headings"]]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


def test_a_page_says_what_it_is(anatomy, page_name):
    assert anatomy["language"] == "en"
    if page_name not in MADE_BY_SPHINX:
        assert anatomy["description"] and anatomy["shared_as"]
    assert all(anatomy["landmarks"])


def test_every_word_of_the_glossary_is_linked_from_a_chapter(book):
    words = {name for name in book["book/glossary.html"]["ids"] if name.startswith("term-")}
    others = [page for name, page in book.items() if name != "book/glossary.html"]
    linked = {urldefrag(link)[1] for page in others for link in page["links"]}
    assert words and not words - linked


def test_the_index_lists_the_figures_of_every_chapter_that_has_some(book):
    links = {urldefrag(link) for link in book["book/figures.html"]["links"] if "#fig" in link}
    figures = [name for page in book.values() for name in page["figures"]]
    assert len(figures) > 30
    assert {anchor for _, anchor in links} == set(figures)


def test_every_look_of_a_page_can_be_read(desk, axe, page_name):
    """axe-core finds nothing serious, light and dark; screenshots, wide and narrow, are light or dark."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width, scheme in product((360, 1280), RULES):
        path = SHOTS / f"{page_name.replace('/', '-').removesuffix('.html')}-{width}-{scheme}.png"
        desk.look(width, scheme).screenshot(path=path)
        with Image.open(path) as picture:
            assert (ImageStat.Stat(picture.convert("L")).median[0] > 128) == (scheme == "light")
    if page_name not in LONG:
        assert_readable(axe, desk)


@pytest.mark.nightly
@pytest.mark.parametrize("page_name", LONG, indirect=True)
def test_a_long_page_can_be_read(desk, axe):
    assert_readable(axe, desk)


def assert_readable(axe, visit):
    """axe-core finds nothing serious on a page, light and dark."""
    visit.page.add_style_tag(content="* {transition: none !important}")  # no colours on their way to others
    visit.page.evaluate(axe)
    serious = {
        f"{scheme}: {each['id']}: {node['html'][:150]}: {node['failureSummary'][:300]}"
        for scheme, options in RULES.items()
        for each in visit.look(scheme=scheme).evaluate(AXE_RUNS, options)
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    }
    assert not serious, "\n".join(sorted(serious))
