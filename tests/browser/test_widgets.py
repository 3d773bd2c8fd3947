"""The explorer, predict-then-reveal and the riddles in a browser: by mouse, finger and keyboard, and what they say.

The explorer and the predictions are looked at in a page that has nothing else; those of the book, where it is built.
"""

import re
from itertools import product

import pandas as pd
import pytest
from test_validity import AXE_RUNS
from visits import HTML, NO_BOOK, Visit

from transferlab import study
from transferlab.chapters import widgets
from transferlab.chapters.museum import RIDDLES
from transferlab.notation import CONDITIONS, Treatment
from transferlab.study import few_images

pytestmark = pytest.mark.browser
BOOK = pytest.mark.skipif(not HTML.exists(), reason=NO_BOOK)
SPLITS = {"random": "random halves", "kingdom": "natural and man-made"}
SOURCES = ("ours", "2014", "both")
SHOWN = [*CONDITIONS, "AnB++"]  # in the explorer of chapter 4
ANSWERING = ".tl-widget:not(.tl-living)"
ON_PAGES = {
    "book/intro.html": 1,
    "notebooks/03_selffer_and_transfer.html": 2,
    "notebooks/04_explorer.html": 1,
    "notebooks/05_fine_tuning.html": 2,
    "notebooks/06_dissimilar_tasks.html": 1,
    "notebooks/07_random_filters.html": 1,
    "notebooks/14_a_world_we_did_not_draw.html": 1,
}
PREDICTED = ("BnB", "AnB", "BnB+", "AnB+", "random")
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Widgets</title><body style="font: 16px sans-serif; background: white"><main><h1>Widgets</h1>{}
<div style="height: 2000px"></div></main>"""


def page_of(name):
    return (HTML / "notebooks" / f"{name}.html").as_uri()


def named(condition, n):
    return "baseB" if n == 0 or condition == "base" else str(Treatment.of(condition, n))


@pytest.fixture(scope="module")
def pages(lab, tmp_path_factory):
    """The addresses of a page with the explorer and the one of the home page, and of one with every prediction."""
    tables = study.published(), study.published("networks_2014")
    similar = [table[table.split == "random"] for table in tables]
    mine = lab.train([("A3B", "random", 0)])
    as_in_chapter_4 = pd.concat([tables[0], few_images.two_stages()])
    both = widgets.explorer(lab, as_in_chapter_4, tables[1], mine).data + widgets.small_explorer(*tables).data
    asked = "".join(widgets.predict(each, *similar, f"{each}: how many points?").data for each in PREDICTED)
    folder = tmp_path_factory.mktemp("pages")
    worlds = widgets.explorer(lab, *tables, mine, emoji=similar[0]).data  # a table in the place of that of Emoji
    written = {"explorer": both, "predict": asked, "worlds": worlds}
    for name, html in written.items():
        (folder / f"{name}.html").write_text(PAGE.format(html), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in written}


@pytest.fixture
def visit(browser, pages):
    """Visit a page without motion, at a state of its explorers."""
    visits = []

    def go(name="explorer", state="", motion="reduce", **options):
        visits.append(Visit(browser, pages[name] + state, until="load", **options))
        visits[-1].page.emulate_media(reduced_motion=motion)
        return visits[-1].page

    yield go
    for each in visits:
        each.context.close()
        assert not each.problems


# --- the explorer ------------------------------------------------------------------------------------------


GRID = """() => {
    const host = document.querySelector('.tl-widget'), slider = host.querySelector('[type=range]'), seen = [];
    const choose = (value) => host.querySelector(`input[value="${value}"]`).click();
    const numbers = (text) => text.match(/-?\\d+(\\.\\d+)?/g).map(Number);
    for (const split of ['random', 'kingdom']) for (const source of ['ours', '2014', 'both'])
        for (const condition of CONDITIONS) for (let n = 0; n < 8; n++) {
            [split, source, condition].forEach(choose);
            slider.value = n;
            slider.dispatchEvent(new Event('input'));
            const svg = host.querySelector('.tl-place svg');
            const marks = [...svg.querySelectorAll('path[transform]')].map(each =>
                numbers(each.getAttribute('transform')));
            const bars = [...svg.querySelectorAll('path[stroke-width="1.5"]')].map(each =>
                numbers(each.getAttribute('d')));
            seen.push({split, source, condition, n, network: host.dataset.network, height: host.offsetHeight,
                sentence: host.querySelector('.tl-sentence').textContent, hash: location.hash,
                labels: [...host.querySelectorAll('svg[aria-label]')].map(each => each.getAttribute('aria-label')),
                locks: host.querySelectorAll('.tl-diagram path').length,
                drawn: host.querySelector('.tl-diagram').innerHTML + host.querySelector('.tl-charts').innerHTML,
                none: host.querySelector('.tl-none').textContent,
                learned: host.querySelector('.tl-learning svg').style.visibility,
                measure: svg.dataset.measure, low: Number(svg.dataset.low), high: Number(svg.dataset.high),
                ys: marks.map(each => each[1]).concat(bars.flatMap(each => [each[1], each[3]]))});
        }
    return seen;
}""".replace("CONDITIONS", str(SHOWN))
TOP, BOTTOM = 12, 258  # of the axes in the drawing


@pytest.fixture(scope="module")
def grid(browser, pages):
    """What the explorer shows at every choice of split, networks, condition and n."""
    with Visit(browser, pages["explorer"], until="load") as visit:
        visit.page.emulate_media(reduced_motion="reduce")
        seen = visit.page.evaluate(GRID)
        assert not visit.problems
    assert len(seen) == 2 * 3 * 7 * 8
    return seen


def test_every_state_shows_its_network(grid):
    for each in grid:
        name = named(each["condition"], each["n"])
        assert each["network"] == name and name in each["sentence"]
        assert ("2014: " in each["sentence"]) == (each["source"] != "ours")
        assert each["sentence"].startswith(each["labels"][0]) and each["labels"][1].startswith(
            f"{name} among the others."
        )
        assert each["locks"] == (0 if name == "baseB" else Treatment.parse(name).frozen)
    for split, source in product(SPLITS, SOURCES):  # every picture differs from those of the other networks
        chosen = {each["drawn"] for each in grid if (each["split"], each["source"]) == (split, source)
                  and each["condition"] != "base" and each["n"]}  # fmt: skip
        assert len(chosen) == 6 * 7


def test_every_axis_is_sensible(grid):
    """Accuracies lie between 0 and 100 %, all that is drawn lies on the axis, and the axis ends near it."""
    for each in grid:
        where = {key: each[key] for key in ("split", "source", "condition", "n", "low", "high")}
        if each["measure"] == "accuracy":
            assert 0 <= each["low"] < each["high"] <= 1, where
        assert (each["measure"] == "accuracy") == (each["source"] == "ours"), where
        ys = each["ys"]
        if each["condition"] != "random":  # random filters are drawn only where they are chosen
            assert each["low"] > -45 and each["high"] < 12, where
        assert min(ys) >= TOP - 0.1 and max(ys) <= BOTTOM + 0.1, where
        assert max(ys) - min(ys) > 0.55 * (BOTTOM - TOP), where


def test_the_axis_hugs_what_can_be_drawn(grid):
    """It moves neither with n nor with the condition, unless that is random; what can be drawn reaches its ends."""
    for split, source in product(SPLITS, SOURCES):
        part = [each for each in grid if (each["split"], each["source"]) == (split, source)]
        axes = {(each["low"], each["high"]) for each in part}
        assert len(axes) <= 2, (split, source, axes)
        for axis in axes:
            ys = [y for each in part if (each["low"], each["high"]) == axis for y in each["ys"]]
            margin = 0.1 * (BOTTOM - TOP)
            assert min(ys) < TOP + margin and max(ys) > BOTTOM - margin, (split, source, axis)


def test_nothing_jumps_as_n_changes(grid):
    for split, source, condition in product(SPLITS, SOURCES, SHOWN):
        heights = {each["height"] for each in grid
                   if (each["split"], each["source"], each["condition"]) == (split, source, condition)}  # fmt: skip
        assert len(heights) == 1, (split, source, condition, heights)


def test_2014_shows_what_it_has_and_says_what_it_lacks(grid):
    for each in grid:
        if each["source"] != "2014":
            continue
        assert each["measure"] == "points"
        assert each["learned"] == "hidden" and each["none"] == "The table of 2014 has no learning curves."
        if each["network"] != "baseB":
            assert " % right" not in each["sentence"]  # accuracies of two halves are not pooled
        lacks = each["split"] == "kingdom" and named(each["condition"], each["n"])[1:] != "B"
        if lacks and each["condition"] not in ("AnB", "base") and each["n"]:
            assert "no such network has a public log; on this split there are base and AnB." in each["sentence"]
    (stuck,) = [each for each in grid if (each["split"], each["source"], each["condition"], each["n"])
                == ("random", "2014", "random", 3)]  # fmt: skip
    assert "57.5 points below" in stuck["sentence"] and "all 1000 classes, and learned nothing" in stuck["sentence"]


def test_a_further_world_is_a_choice_of_its_own(visit):
    page = visit("worlds", "#explorer=AnB,3,random,emoji")
    say, none = page.locator(".tl-sentence"), page.locator(".tl-none")
    ours = study.published().query("split == 'random' and condition == 'AnB' and n == 3")
    right = f"{100 * ours.accuracy.mean():.1f} % right on average"
    assert f"Emoji: {len(ours)} networks, {right}, " in say.inner_text() and "Ours: " not in say.inner_text()
    assert none.inner_text() == "The table of Emoji has no learning curves."
    assert page.locator(".tl-place svg").get_attribute("data-measure") == "accuracy"
    page.locator('input[value="kingdom"]').click()
    assert "Emoji: no such network was trained." in say.inner_text()
    page.locator('input[value="ours"]').click()
    assert "Ours: " in say.inner_text() and "Emoji: " not in say.inner_text()


def test_a_condition_without_this_n_says_which_it_has(grid):
    (missing,) = [each for each in grid if (each["split"], each["source"], each["condition"], each["n"])
                  == ("random", "ours", "AnB++", 6)]  # fmt: skip
    assert "no such network was trained; of AnB++ there are n = 1, 4 and 7." in missing["sentence"]


def test_words_stay_in_their_boxes(visit):
    page = visit(state="#explorer=random,7,random,ours")
    boxes, words = (
        [each.bounding_box() for each in page.locator(f".tl-diagram svg {name}").all()[:8]]
        for name in ("rect:not(.tl-grip)", "text[font-weight=bold]")
    )
    for box, word in zip(boxes, words, strict=True):
        assert box["x"] <= word["x"] and word["x"] + word["width"] <= box["x"] + box["width"]


def test_every_choice_is_reached_by_keyboard(visit):
    page = visit()
    widget = page.locator(".tl-widget").first
    widget.get_by_label("AnB", exact=True).focus()
    names = []
    for _ in SHOWN:
        page.keyboard.press("ArrowRight")
        names.append(widget.get_attribute("data-network"))
    assert set(names) == {named(condition, 3) for condition in SHOWN}
    for _ in range(3):  # to the split, to the networks, to n
        page.keyboard.press("Tab")
    depths = []
    page.keyboard.press("Home")
    for _ in range(8):
        depths.append(widget.get_attribute("data-network"))
        page.keyboard.press("ArrowRight")
    assert depths == [named("AnB", n) for n in range(8)]
    assert widget.get_by_role("slider").get_attribute("aria-valuetext") == "n = 7: A7B"


def boundary(page, n, widget=0):
    """Where the cut after n layers is on the screen."""
    box = page.locator(".tl-diagram svg").nth(widget).bounding_box()
    scale = box["width"] / 664
    return box["x"] + (12 + 80 * n) * scale, box["y"] + 60 * scale


def test_the_cut_is_dragged_on_the_drawing(visit):
    page = visit()
    widget = page.locator(".tl-widget").first
    page.mouse.move(*boundary(page, 3))
    page.mouse.down()
    for n in (4, 6, 2):
        page.mouse.move(*boundary(page, n), steps=5)
        assert widget.get_attribute("data-network") == f"A{n}B"
    page.mouse.move(0, 0)  # beyond the drawing
    assert widget.get_attribute("data-network") == "baseB"
    page.mouse.up()
    page.mouse.move(*boundary(page, 5))
    assert widget.get_attribute("data-network") == "baseB"  # let go
    widget.get_by_label("base", exact=True).check()
    page.mouse.click(*boundary(page, 5))
    assert widget.get_attribute("data-network") == "A5B" and widget.get_by_label("AnB", exact=True).is_checked()


class Finger:
    """A finger on a page."""

    def __init__(self, browser, address):
        size = {"width": 390, "height": 800}
        self.context = browser.new_context(viewport=size, has_touch=True, is_mobile=True, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.page.goto(address)
        self.protocol = self.context.new_cdp_session(self.page)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def drag(self, start, end, steps=8):
        self._touch("touchStart", [start])
        for step in range(1, steps + 1):
            part = step / steps
            self._touch("touchMove", [tuple(a + (b - a) * part for a, b in zip(start, end, strict=True))])
            self.page.wait_for_timeout(20)
        self._touch("touchEnd", [])
        self.page.wait_for_timeout(400)  # a tap right after it would be taken as a part of it

    def _touch(self, kind, places):
        points = [{"x": x, "y": y} for x, y in places]
        self.protocol.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def scrolled(self):
        return self.page.evaluate("scrollY")


def test_the_cut_is_dragged_by_finger(browser, pages):
    with Finger(browser, pages["explorer"]) as finger:
        page = finger.page
        widget = page.locator(".tl-widget").first
        page.locator(".tl-diagram").first.scroll_into_view_if_needed()
        before = finger.scrolled()
        start, end = boundary(page, 3), boundary(page, 6)
        finger.drag(start, (end[0], end[1] - 60))  # upwards: elsewhere that scrolls the page
        assert widget.get_attribute("data-network") == "A6B" and finger.scrolled() == before
        x, y = boundary(page, 2)
        page.touchscreen.tap(x, y)
        assert widget.get_attribute("data-network") == "A2B"
        x, y = boundary(page, 5)  # not the grip: the finger scrolls the page
        finger.drag((x, y), (x, y - 200))
        assert widget.get_attribute("data-network") == "A2B" and finger.scrolled() > before


def test_a_marker_says_its_value_by_mouse_finger_and_keyboard(visit, browser, pages):
    page = visit()
    widget = page.locator(".tl-widget").first
    said = widget.locator(".tl-value").first
    rest, height = said.inner_text(), widget.bounding_box()["height"]
    assert rest.startswith("Point at a marker")
    point = widget.locator('[data-point="ours BnB 5"]')
    point.hover()
    words = said.inner_text()
    assert re.fullmatch(
        r"BnB at n = 5, ours: \d\d\.\d % right \(95 % interval \d\d\.\d % to \d\d\.\d %\), \d+ networks\.", words
    )
    assert point.get_attribute("aria-label") == words and widget.bounding_box()["height"] == height
    page.mouse.move(0, 0)
    assert said.inner_text() == rest
    widget.get_by_role("slider").focus()
    page.keyboard.press("Tab")
    assert said.inner_text().startswith("AnB at n = 3, ours: ")
    page.keyboard.press("ArrowRight")
    assert said.inner_text().startswith("AnB at n = 4, ours: ")
    page.keyboard.press("ArrowUp")
    assert " at n = 4, ours: " in said.inner_text() and not said.inner_text().startswith("AnB at")
    words = said.inner_text()
    page.keyboard.press("Enter")
    assert widget.get_attribute("data-network") == named(words.split(" at ")[0], 4)
    assert said.inner_text() == words  # the focus has not gone
    page.keyboard.press("Tab")  # the learning curves
    assert widget.locator("[data-point]:focus").count() <= 1
    with Finger(browser, pages["explorer"]) as finger:
        widget = finger.page.locator(".tl-widget").first
        widget.locator('[data-point="ours AnB 6"]').tap()
        assert widget.locator(".tl-value").first.inner_text().startswith("AnB at n = 6, ours: ")
        assert widget.get_attribute("data-network") == "A6B"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_jumps_as_markers_speak(visit, width):
    heights = visit(width=width, state="#explorer=random,3,random,both").evaluate(
        """() => {
            const host = document.querySelector('.tl-widget'), said = host.querySelector('.tl-value');
            return [...host.querySelectorAll('.tl-place [data-point]')].map(each => {
                each.focus();
                return said.textContent === each.getAttribute('aria-label') && host.offsetHeight;
            });
        }"""
    )
    assert len(heights) > 30 and len(set(heights)) == 1 and heights[0], heights


def test_the_learning_curves_say_their_values(visit):
    page = visit()
    widget = page.locator(".tl-widget").first
    widget.locator('[data-point^="mine"]').last.hover()
    assert re.match(
        r"A3B after epoch \d+: \d+\.\d % of the held-out images right", widget.locator(".tl-value").last.inner_text()
    )
    widget.get_by_role("slider").fill("4")
    assert "A4B was not trained to make this page" in widget.locator(".tl-none").inner_text()


STATES = [
    ("AnB+,5,kingdom,both", ("AnB+", 5, "kingdom", "both")),
    ("AnB%2B,5,kingdom,both", ("AnB+", 5, "kingdom", "both")),
    ("bnb,12,random,2014", ("BnB", 7, "random", "2014")),
    ("AnB++,-3,emoji,1914", ("AnB++", 0, "random", "ours")),
    ("CnC,four", ("AnB", 3, "random", "ours")),
    ("%E0%A4%A,", ("AnB", 3, "random", "ours")),
    ("AnB+++,2", ("AnB++", 2, "random", "ours")),
    ("", ("AnB", 3, "random", "ours")),
]


def shown(page, widget=0):
    return (
        page.locator(".tl-widget")
        .nth(widget)
        .evaluate(
            """host => [...host.querySelectorAll('fieldset')].map(group => group.querySelector('input:checked')?.value)
            .filter(Boolean).concat(host.querySelector('[type=range]').value)"""
        )
    )


@pytest.mark.parametrize(("state", "expected"), STATES)
def test_the_address_opens_the_state_or_the_nearest(visit, state, expected):
    page = visit(state=f"#explorer={state}")
    condition, n, split, source = expected
    assert shown(page) == [condition, split, source, str(n)]
    assert page.locator(".tl-widget").first.get_attribute("data-network") == named(condition, n)


def test_what_is_chosen_is_in_the_address(visit):
    page = visit()
    assert "#" not in page.url and page.evaluate("history.length") <= 2
    length = page.evaluate("history.length")
    first, second = page.locator(".tl-widget").all()
    first.get_by_label("BnB+", exact=True).check()
    first.get_by_role("slider").fill("6")
    second.get_by_label("BnB", exact=True).check()
    assert page.url.endswith("#explorer=BnB+,6,random,ours&explorer-2=BnB,3,random,both")
    assert page.evaluate("history.length") == length  # going back leaves the page
    page.reload()
    assert shown(page) == ["BnB+", "random", "ours", "6"] and shown(page, 1) == ["BnB", "3"]
    page.evaluate("location.hash = '#explorer-2=random,1'")
    page.wait_for_function("document.querySelectorAll('.tl-widget')[1].dataset.network === 'R1B'")
    assert shown(page) == ["BnB+", "random", "ours", "6"]


def test_a_link_to_an_explorer_goes_there(visit):
    page = visit(state="#explorer-2=BnB,4,random,both")
    page.wait_for_function("scrollY > 0")
    assert page.locator(".tl-widget").nth(1).bounding_box()["y"] < 200


LINE = """() => document.querySelector('.tl-place path[stroke-width="2"]:not([stroke-dasharray="5 4"])')
    .getAttribute('d')"""


def test_curves_move_to_their_new_places_unless_motion_is_unwanted(visit):
    for motion, places in (("no-preference", 3), ("reduce", 2)):
        page = visit(motion=motion)
        seen = page.evaluate(
            f"""async () => {{
                const line = {LINE}, seen = new Set([line()]), frame = () => new Promise(requestAnimationFrame);
                document.querySelector('input[value="kingdom"]').click();
                for (const end = performance.now() + 600; performance.now() < end; await frame()) seen.add(line());
                return [...seen];
            }}"""
        )
        assert len(seen) >= places if places > 2 else len(seen) == places
        calm = visit(state="#explorer=AnB,3,kingdom,ours")
        assert seen[-1] == calm.evaluate(LINE)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_explorer_fits_any_width(visit, width):
    box = visit(width=width).locator(".tl-widget").first.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width


# --- predict, then reveal ----------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(len(PREDICTED)))
def test_a_prediction_is_scored_when_it_is_revealed(visit, index):
    page = visit("predict")
    widget = page.locator(".tl-widget").nth(index)
    sliders, verdict = widget.get_by_role("slider"), widget.locator(".tl-sentence")
    assert sliders.count() == 7 and verdict.inner_text() == ""
    before = widget.locator("svg path").count()
    widget.get_by_role("button", name="Reveal").click()
    assert verdict.inner_text().startswith("Set your guess first") and widget.locator("svg path").count() == before
    sliders.nth(0).press("ArrowLeft")
    assert verdict.inner_text() == ""
    widget.get_by_label("Why do you expect that?").fill("Since <b>I</b> think so.")
    widget.get_by_role("button", name="Reveal").click()
    first = verdict.inner_text()
    assert "points off on average, furthest at n = " in first
    assert widget.locator(".tl-wrote").inner_text() == "You wrote: Since <b>I</b> think so."
    reason, outcome = widget.locator(".tl-wrote").bounding_box(), verdict.bounding_box()
    assert reason["y"] == outcome["y"] and reason["x"] + reason["width"] <= outcome["x"]
    assert widget.locator("svg path").count() > before
    truth = [float(part.replace("−", "-")) for part in first.split("Ours: ")[1].replace(".\n", " ").split(" ")
             if part[:1] in "+−"]  # fmt: skip
    widget.get_by_role("button", name="Start again").click()
    assert verdict.inner_text() == "" and widget.get_by_label("Why do you expect that?").input_value()
    for slider, value in zip(sliders.all(), truth, strict=True):
        step = float(slider.get_attribute("step"))
        slider.fill(f"{round(value / step) * step:g}")
    widget.get_by_role("button", name="Reveal").click()
    off = float(verdict.inner_text().split("You were ")[1].split(" ")[0])
    assert off <= 0.5  # what was shown, set as the guess, is right


def test_a_point_can_be_dragged(visit):
    page = visit("predict", motion="no-preference")
    widget = page.locator(".tl-widget").nth(1)
    box = widget.locator("svg").bounding_box()
    x, y = box["x"] + 0.93 * box["width"], box["y"] + 0.3 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 90, steps=4)  # it stays the point that was taken hold of
    page.mouse.up()
    values = [float(slider.input_value()) for slider in widget.get_by_role("slider").all()]
    assert values[6] < 0 and values[:6] == [0] * 6


def test_a_prediction_is_made_by_finger(browser, pages):
    with Finger(browser, pages["predict"]) as finger:
        widget = finger.page.locator(".tl-widget").first
        widget.locator("svg").scroll_into_view_if_needed()
        before = finger.scrolled()
        for index in (0, 6):
            box = widget.locator(".tl-grip").nth(index).bounding_box()
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            finger.drag((x, y), (x, y - 40))  # upwards: elsewhere that scrolls the page
        values = [float(slider.input_value()) for slider in widget.get_by_role("slider").all()]
        assert values[0] > 0.5 and values[6] > 0.5 and values[1:6] == [0] * 5
        assert finger.scrolled() == before  # the page stayed where it was
        widget.get_by_role("button", name="Reveal").tap()
        assert "points off on average" in widget.locator(".tl-sentence").inner_text()


# --- everywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["explorer", "predict"])
def test_jupyterlab_leaves_the_keys_to_the_widgets(visit, name):
    """Each element that can have the focus says so itself: on a parent, JupyterLab does not look."""
    bare = """() => [...document.querySelectorAll('.tl-widget :is(input, button, textarea, [tabindex])')]
        .filter(each => each.dataset.lmSuppressShortcuts !== 'true').map(each => each.outerHTML)"""
    page = visit(name)
    assert page.locator(".tl-widget input").count() > 10 and page.evaluate(bare) == []


@pytest.mark.parametrize("name", ["explorer", "predict"])
def test_axe_has_nothing_serious_to_say(visit, axe, name):
    page = visit(name)
    page.evaluate(axe)
    for _ in range(2):
        found = [each for each in page.evaluate(AXE_RUNS) if each["impact"] in ("serious", "critical")]
        assert not found, [(each["id"], each["nodes"][0]["html"][:200]) for each in found]
        if name == "predict":  # and once more, revealed
            page.get_by_role("slider").first.press("ArrowLeft")
            page.get_by_role("button", name="Reveal").first.click()


@pytest.mark.parametrize("name", ["explorer", "predict"])
def test_a_page_without_scripts_has_a_figure_and_says_what_to_do(browser, pages, name):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages[name])
    for widget in page.locator(".tl-widget").all():
        assert "no scripts run here" in widget.inner_text()
        if name == "predict":  # not before the reader has made a guess
            assert not widget.locator("img").is_visible()
            widget.locator("summary").click()
        assert widget.locator("img").get_attribute("alt")
        assert widget.locator("img").is_visible() and widget.locator("img").bounding_box()["width"] > 300
    context.close()


def test_outputs_of_two_kernels_with_one_name_are_both_drawn(browser, tmp_path):
    tables = study.published(), study.published("networks_2014")
    html = widgets.small_explorer(*tables).data
    (tmp_path / "twice.html").write_text(PAGE.format(html + html), encoding="utf-8")
    with Visit(browser, (tmp_path / "twice.html").as_uri(), until="load") as visit:
        first, second = visit.page.locator(".tl-widget").all()
        second.get_by_label("BnB", exact=True).check()
        assert (shown(visit.page), shown(visit.page, 1)) == (["AnB", "3"], ["BnB", "3"])
        assert first.get_attribute("data-network") == "A3B" and not visit.problems


def test_the_widgets_are_there_at_once(visit):
    page = visit()
    assert page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") < 1300
    assert page.locator(".tl-still").count() == 0


def test_the_widgets_of_a_page_answer(desk, page_name):
    page = desk.look()
    assert page.locator(ANSWERING).count() == ON_PAGES.get(page_name, 0)
    for widget in page.locator(ANSWERING).all():
        before = widget.locator("svg[aria-label]").first.get_attribute("aria-label")
        widget.get_by_role("slider").first.press("ArrowLeft")
        assert widget.locator("svg[aria-label]").first.get_attribute("aria-label") != before
    assert not desk.problems


# --- riddles -----------------------------------------------------------------------------------------------


@BOOK
def test_every_answer_to_every_riddle_has_its_reply(browser):
    with Visit(browser, page_of("13_the_bug_museum"), until="load") as visit:
        forms = visit.page.locator("form.tl-riddle")
        assert forms.count() == len(RIDDLES)
        for form, riddle in zip(forms.all(), RIDDLES.values(), strict=True):
            said, button = form.get_by_role("status"), form.get_by_role("button", name="Check")
            assert said.inner_text() == ""
            button.click()
            assert said.inner_text() == "Choose one of the answers first."
            for letter, (text, reply) in riddle.choices.items():
                form.get_by_label(f"{letter} {text}", exact=True).check()
                assert said.inner_text() == ""
                button.click()
                verdict = "Right" if riddle.is_right(letter) else "Not yet"
                assert said.text_content() == f"{verdict}: {reply}"
                assert form.get_attribute("data-state") == ("right" if riddle.is_right(letter) else "wrong")
        assert not visit.problems


@BOOK
def test_a_riddle_is_answered_by_keyboard(browser):
    with Visit(browser, page_of("13_the_bug_museum"), until="load") as visit:
        form = visit.page.locator("form.tl-riddle").first
        form.get_by_role("radio").first.focus()
        visit.page.keyboard.press("Space")
        visit.page.keyboard.press("ArrowDown")
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert form.get_by_role("status").text_content().startswith("Right: ")
        assert form.get_by_role("radio").nth(1).is_checked()


@BOOK
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_riddle_fits_a_phone_and_a_finger(browser, scheme):
    with Visit(browser, page_of("13_the_bug_museum"), width=360, until="load", scheme=scheme) as visit:
        for form in visit.page.locator("form.tl-riddle").all():
            box = form.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360
            assert all(each.bounding_box()["height"] >= 44 for each in form.locator("label, button").all())


@BOOK
def test_a_riddle_reads_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_of("13_the_bug_museum"))
    for form, riddle in zip(page.locator("form.tl-riddle").all(), RIDDLES.values(), strict=True):
        text = form.inner_text()
        assert riddle.question in text and all(choice in text for choice, _ in riddle.choices.values())
        assert form.get_by_role("button").count() == 0
    context.close()
