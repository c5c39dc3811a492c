"""The page in a real browser: keyboard, slider and buttons, a phone's width, no JavaScript, much to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cowcheck.checker.html.document import html_of
from cowcheck.checker.html.page import Page, Source
from tests.checker.html.browser import chromium
from tests.checker.html.samples import PAGE, STORY, long_story
from tests.checker.html.test_markup import NASTY

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a report; whatever the browser complains of, or asks for beyond the file, fails the test."""
    contexts, complaints = [], []

    def go(page: Page, **options: Any) -> Any:
        path = tmp_path / "report.html"
        path.write_text(html_of(page), encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        shown = context.new_page()
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("dialog", lambda dialog: complaints.append(dialog.message))
        shown.on("request", lambda request: None if request.url == path.as_uri() else complaints.append(request.url))
        shown.goto(path.as_uri())
        return shown

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


def step_of(page: Any) -> int:
    """The step that is shown, which slider, words and list agree on."""
    step = int(page.locator(".player input").input_value())
    told = page.locator(".now").inner_text()
    assert told.startswith(f"Step {step} of 3" if step else "Before the first step of 3")
    current = page.locator(".near [aria-current=step]")
    assert current.count() == 1
    assert (STORY.steps[step - 1].number if step else STORY.start.title) in current.inner_text()
    return step


def test_the_keyboard_goes_from_step_to_step(open_page: Open) -> None:
    page = open_page(PAGE)
    assert step_of(page) == 0
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):  # nothing has the focus yet
        page.keyboard.press(key)
        seen.append(step_of(page))
    assert seen == [1, 2, 1]
    page.locator(".player button").first.focus()
    seen.clear()
    for key in ("End", "ArrowRight", "Home", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        seen.append(step_of(page))
    assert seen == [3, 3, 0, 0, 1, 3, 1]


def test_every_control_is_reached_and_used_without_a_mouse(open_page: Open) -> None:
    page = open_page(PAGE)
    reached = []
    for _ in range(12):  # what can have the focus, each once
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                return [e.tagName + (e.dataset.go ? ":" + e.dataset.go : ""), s.outlineStyle !== "none"]; }"""
            )
        )
        if reached[-1][0] == "BUTTON:next":
            page.keyboard.press("Enter")
            page.keyboard.press("Space")
            assert step_of(page) == 2
        if reached[-1][0] == "INPUT":
            page.keyboard.press("ArrowLeft")
            assert step_of(page) == 1
    names = [name for name, _ in reached]
    for go in ("first", "marked-before", "before", "next", "marked-next", "last"):
        assert f"BUTTON:{go}" in names
    assert {"A", "INPUT", "SUMMARY", "DIV"} <= set(names)
    assert all(visible for name, visible in reached if name != "BODY")


def test_buttons_and_slider(open_page: Open) -> None:
    page = open_page(PAGE)
    page.get_by_role("button", name="Last step").click()
    assert step_of(page) == 3
    page.get_by_role("button", name="Step before with a star").click()
    assert step_of(page) == 1
    page.get_by_role("slider").fill("2")
    assert step_of(page) == 2


def test_the_drawing_is_of_the_step_and_shows_what_is_new(open_page: Open) -> None:
    page = open_page(PAGE)
    drawing = page.get_by_role("img").and_(page.locator("svg"))
    assert "child (pid 3) page 0: leads to frame 7, RW-U-" in drawing.get_attribute("aria-label")
    assert page.locator("svg .changed").count() == 0
    page.keyboard.press("ArrowRight")
    assert page.locator("svg rect.frame.changed").count() == 1
    assert "refcnt 1" in drawing.text_content()
    page.locator(".player button").first.focus()
    page.keyboard.press("End")
    assert "child (pid 3) page 0: leads to frame 3, RW-U-" in drawing.get_attribute("aria-label")
    assert page.locator("svg rect.page.changed").count() == 1
    assert page.locator("svg .arrow.before").count() == 1
    assert page.locator("svg .arrow.writable").count() == 1
    assert "is killed" in drawing.text_content()
    page.keyboard.press("Home")
    assert "is killed" not in drawing.text_content()


def test_keys_that_select_text_or_scroll_a_table_do_only_that(open_page: Open) -> None:
    page = open_page(PAGE)
    page.keyboard.press("ArrowRight")
    page.locator(".message").select_text()
    page.keyboard.press("Shift+ArrowRight")
    assert step_of(page) == 1
    page.evaluate("getSelection().removeAllRanges()")
    page.locator(".scroll").first.focus()
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 1


def test_what_is_printed_lists_every_step(open_page: Open) -> None:
    page = open_page(PAGE)
    assert not page.locator(".steps.all > li").last.is_visible()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".steps.all > li").last.is_visible()
    assert not page.locator(".player").is_visible()


def test_two_stories_step_apart(open_page: Open) -> None:
    page = open_page(PAGE._replace(stories=(STORY, STORY)))
    page.locator("#story-2 button").first.focus()
    page.keyboard.press("ArrowRight")
    assert [page.locator(f"#story-{number} input").input_value() for number in (1, 2)] == ["0", "1"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_wider_than_the_window(open_page: Open, width: int, scheme: str) -> None:
    long = "a" * 200
    source = Source(long, f"{long}.c:1", long, (long,))
    step = STORY.steps[0]._replace(sources=(source,), who=long)
    story = STORY._replace(steps=(step, *STORY.steps[1:]), title=long, message=long, commands=(long,))
    page = open_page(
        PAGE._replace(stories=(story,), title=long), viewport={"width": width, "height": 700}, color_scheme=scheme
    )
    page.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 28)")


def test_nothing_moves_for_who_asked_for_that(open_page: Open) -> None:
    for motion, moves in (("no-preference", "smooth"), ("reduce", "auto")):
        page = open_page(PAGE, reduced_motion=motion)
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == moves
        durations = page.evaluate(
            "[...document.querySelectorAll('*')].map(e => getComputedStyle(e).transitionDuration)"
        )
        assert (set(durations) == {"0s"}) == (motion == "reduce")


def test_without_javascript_every_step_can_be_read(open_page: Open) -> None:
    page = open_page(PAGE, java_script_enabled=False)
    assert not page.locator(".player").is_visible()
    for step in STORY.steps:
        for source in step.sources:
            for text in source.told:
                assert page.get_by_text(text).first.is_visible()


def test_ten_thousand_steps_open_quickly_and_stay_usable(open_page: Open) -> None:
    page = open_page(PAGE._replace(stories=(long_story(10_000),)))
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    assert timing < 2000
    page.locator(".player button").first.focus()
    took = page.evaluate(
        """() => { const from = performance.now();
        const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        for (let n = 0; n < 50; n += 1) press("ArrowRight");
        press("End"); press("ArrowLeft"); press("Home"); press("End");
        return performance.now() - from; }"""
    )
    assert took < 2000
    assert page.locator(".player input").input_value() == "10000"
    assert "refcnt 10000" in page.locator("svg").text_content()
    assert page.locator(".near > li").count() < 10


def test_what_a_submission_says_is_shown_and_not_obeyed(open_page: Open) -> None:
    told = tuple(f"{text}<img src=x onerror=alert(1)>" for text in NASTY)
    source = Source(NASTY[0], told[1], told[2], told)
    story = STORY._replace(steps=(STORY.steps[0]._replace(sources=(source,)), *STORY.steps[1:]), message="".join(told))
    page = open_page(PAGE._replace(title=told[0], stories=(story,)))
    page.keyboard.press("ArrowRight")
    assert page.locator("img:not(svg), script:not(body > script):not([type])").count() == 0
    assert "<script>alert(1)</script><img src=x onerror=alert(1)>" in page.locator(".near").inner_text()


def test_the_policy_stops_a_script_that_is_not_the_pages_own(browser: Any, tmp_path: Path) -> None:
    """Were the escaping to fail, nothing would run all the same."""
    path = tmp_path / "report.html"
    bad = "<script>document.title = 'obeyed'</script><img src=x onerror=\"document.title = 'obeyed'\"></main>"
    path.write_text(html_of(PAGE).replace("</main>", bad), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.keyboard.press("ArrowRight")
    assert page.title().startswith("fail: ")
    assert page.locator(".now").inner_text().startswith("Step 1 of 3")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_anyone_out(open_page: Open, scheme: str) -> None:
    """The rules of WCAG 2.2, A and AA, and axe's own best practice; contrast as the browser computes it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = open_page(PAGE, color_scheme=scheme, bypass_csp=True)
    for _ in STORY.steps:
        page.keyboard.press("ArrowRight")
    found = axe.Axe().run(page).response
    assert [(item["id"], item["nodes"][0]["html"]) for item in found["violations"]] == []
    assert "color-contrast" in {item["id"] for item in found["passes"]}
