"""The explorer, predict-then-reveal and the riddles in a browser: by mouse and by keyboard, and what they say."""

from itertools import product

import pytest
from visits import HTML, NO_BOOK, Visit

from transferlab.chapters.museum import RIDDLES
from transferlab.notation import CONDITIONS, DEPTHS, Treatment

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not HTML.exists(), reason=NO_BOOK),
]
SPLITS = ("random halves", "natural and man-made")
SOURCES = ("ours", "2014", "both")


def page_of(name):
    return (HTML / "notebooks" / f"{name}.html").as_uri()


def named(condition, n):
    return "baseB" if n == 0 or condition == "base" else str(Treatment.of(condition, n))


@pytest.fixture(scope="module")
def explorer(browser):
    with Visit(browser, page_of("04_explorer"), until="load") as visit:
        yield visit


def test_every_state_is_reached_by_mouse_and_shows_its_network(explorer):
    page, seen = explorer.page, {}
    widget = page.locator(".tl-widget")
    slider = widget.get_by_role("slider")
    for split, source, condition in product(SPLITS, SOURCES, CONDITIONS):
        for choice in (split, source, condition):
            widget.get_by_label(choice, exact=True).check()
        for n in range(8):
            slider.fill(str(n))
            name = named(condition, n)
            assert widget.get_attribute("data-network") == name
            sentence = widget.locator(".tl-sentence").inner_text()
            assert name in sentence and ("2014:" in sentence) == (source != "ours")
            pictures = [picture.get_attribute("aria-label") for picture in widget.get_by_role("img").all()]
            assert sentence.startswith(pictures[0]) and pictures[1].startswith(f"{name} among the others.")
            locks = widget.locator(".tl-diagram path").count()
            assert locks == (0 if name == "baseB" else Treatment.parse(name).frozen)
            seen[split, source, condition, n] = widget.locator(".tl-charts").inner_html()
    assert len(seen) == 2 * 3 * 6 * 8
    for split, source in product(SPLITS, SOURCES):  # every picture differs from those of the other networks
        chosen = {seen[split, source, condition, n] for condition, n in product(CONDITIONS[1:], DEPTHS)}
        assert len(chosen) == 5 * 7
    assert not explorer.problems


def test_every_choice_is_reached_by_keyboard(explorer):
    page = explorer.page
    page.reload()
    widget = page.locator(".tl-widget")
    widget.get_by_label("AnB", exact=True).focus()
    names = []
    for _ in CONDITIONS:
        page.keyboard.press("ArrowRight")
        names.append(widget.get_attribute("data-network"))
    assert set(names) == {named(condition, 3) for condition in CONDITIONS}
    for _ in range(3):  # to the split, to the networks, to n
        page.keyboard.press("Tab")
    depths = []
    page.keyboard.press("Home")
    for _ in range(8):
        depths.append(widget.get_attribute("data-network"))
        page.keyboard.press("ArrowRight")
    assert depths == [named("AnB", n) for n in range(8)]
    assert widget.get_by_role("slider").get_attribute("aria-valuetext") == "n = 7: A7B"
    assert not explorer.problems


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_explorer_can_be_read_at_any_width_and_in_the_dark(browser, width, scheme):
    with Visit(browser, page_of("04_explorer"), width=width, until="load") as visit:
        visit.page.emulate_media(color_scheme=scheme)
        box = visit.page.locator(".tl-widget").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        contrast = visit.page.evaluate(
            """() => {
                const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
                    .map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
                let element = document.querySelector('.tl-sentence');
                const ink = light(getComputedStyle(element).color);
                const behind = (each) => getComputedStyle(each).backgroundColor;
                while (behind(element) === 'rgba(0, 0, 0, 0)') element = element.parentElement;
                const paper = light(behind(element));
                return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
            }"""
        )
        assert contrast >= 4.5
        assert not visit.problems


@pytest.mark.parametrize(
    ("chapter", "widgets"),
    [("03_selffer_and_transfer", 2), ("05_fine_tuning", 2), ("06_dissimilar_tasks", 1), ("07_random_filters", 1)],
)
def test_a_prediction_is_scored_when_it_is_revealed(browser, chapter, widgets):
    with Visit(browser, page_of(chapter), until="load") as visit:
        assert visit.page.locator(".tl-widget").count() == widgets
        for widget in visit.page.locator(".tl-widget").all():
            sliders, verdict = widget.get_by_role("slider"), widget.locator(".tl-sentence")
            assert sliders.count() == 7 and verdict.inner_text() == ""
            before = widget.locator("svg path").count()
            sliders.nth(0).press("ArrowLeft")
            widget.get_by_role("button", name="Reveal").click()
            first = verdict.inner_text()
            assert "points off on average, furthest at n = " in first
            assert widget.locator("svg path").count() > before
            truth = [float(part.replace("−", "-")) for part in first.split("Ours: ")[1].replace(".\n", " ").split(" ")
                     if part[:1] in "+−"]  # fmt: skip
            widget.get_by_role("button", name="Start again").click()
            assert verdict.inner_text() == ""
            for index, value in enumerate(truth):
                sliders.nth(index).fill(str(round(value)))
            widget.get_by_role("button", name="Reveal").click()
            off = float(verdict.inner_text().split("You were ")[1].split(" ")[0])
            assert off <= 0.5  # what was shown, set as the guess, is right
        assert not visit.problems


def test_a_point_can_be_dragged(browser):
    with Visit(browser, page_of("03_selffer_and_transfer"), until="load") as visit:
        widget = visit.page.locator(".tl-widget").first
        widget.scroll_into_view_if_needed()
        box = widget.locator("svg").bounding_box()
        visit.page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + 0.8 * box["height"])
        values = [int(slider.input_value()) for slider in widget.get_by_role("slider").all()]
        assert values[6] < 0 and values[:6] == [0] * 6


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_riddle_fits_a_phone_and_a_finger(browser, scheme):
    with Visit(browser, page_of("13_the_bug_museum"), width=360, until="load", scheme=scheme) as visit:
        for form in visit.page.locator("form.tl-riddle").all():
            box = form.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360
            assert all(each.bounding_box()["height"] >= 44 for each in form.locator("label, button").all())


def test_a_riddle_reads_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_of("13_the_bug_museum"))
    for form, riddle in zip(page.locator("form.tl-riddle").all(), RIDDLES.values(), strict=True):
        text = form.inner_text()
        assert riddle.question in text and all(choice in text for choice, _ in riddle.choices.values())
        assert form.get_by_role("button").count() == 0
    context.close()
