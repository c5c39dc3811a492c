"""The file: right HTML, nothing in it that would be loaded or run but its own, and every step listed."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import html5lib
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.checker.html.document import html_of
from cowcheck.checker.html.page import Page, Passage, Source, Step, Story, Table
from cowcheck.checker.html.picture import Frame, Picture
from cowcheck.checker.html.picture import Page as Mapped
from cowcheck.checker.printable import printable
from tests.checker.html.samples import PAGE, STORY, long_story
from tests.checker.html.test_markup import TEXTS

LOADING = {"src", "srcset", "data", "action", "formaction", "poster", "background", "ping", "style", "xlink:href"}
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "main", "nav", "ol", "ul",
    "li", "strong", "span", "section", "div", "button", "input", "details", "summary", "b", "code", "pre", "table",
    "thead", "tbody", "tr", "th", "td", "script",
}  # fmt: skip


def parsed(text: str) -> Any:
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def policy_of(tree: Any) -> dict[str, str]:
    (content,) = [meta.get("content") for meta in tree.iter("meta") if meta.get("http-equiv")]
    return dict(part.strip().split(" ", 1) for part in content.split(";"))


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def check_harmless(text: str) -> Any:
    """Whatever the page tells of, the file is of the elements that it should be of, and runs only what it should."""
    tree = parsed(text)
    elements = [item for item in tree.iter() if isinstance(item.tag, str)]
    assert {item.tag for item in elements} <= ELEMENTS
    for item in elements:
        assert not {name for name in item.attrib if name in LOADING or name.startswith("on")}
        assert item.get("href", "#").startswith("#")
    assert len(list(tree.iter("style"))) == 1
    scripts = [item for item in tree.iter("script") if item.get("type") != "application/json"]
    assert len(scripts) == 1
    policy = policy_of(tree)
    assert policy == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "script-src": digest(scripts[0].text),
        "style-src": digest(next(tree.iter("style")).text),
    }
    ids = [item.get("id") for item in elements if item.get("id")]
    assert len(ids) == len(set(ids))
    for item in elements:
        assert set((item.get("aria-labelledby") or "").split()) <= set(ids)
    return tree


def test_a_page_is_harmless_and_lists_every_step() -> None:
    text = html_of(PAGE)
    tree = check_harmless(text)
    (steps,) = [item for item in tree.iter("ol") if "all" in item.get("class", "").split()]
    told = ["".join(item.itertext()) for item in steps]
    assert len(told) == len(STORY.steps)
    for step, line in zip(STORY.steps, told, strict=True):
        for source in step.sources:
            assert all(part in line for part in (source.function, source.place, source.code, *source.told))
        assert f"hart {step.hart}" in line
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_a_page_of_golden(golden: Callable[[str, str], None]) -> None:
    text = html_of(PAGE)
    text = re.sub(r"<style>.*</style>", "<style></style>", text, flags=re.DOTALL)
    text = re.sub(r"<script>.*?</script>", "<script></script>", text, flags=re.DOTALL)
    golden("report.html", re.sub(r"sha256-[^&]*", "sha256-", text))


def test_a_short_list_of_steps_is_open_and_a_long_one_is_not() -> None:
    assert 'class="every" open' in html_of(PAGE)
    assert 'class="every" open' not in html_of(PAGE._replace(stories=(long_story(100),)))


def test_a_page_without_a_story_says_what_that_means() -> None:
    empty = PAGE._replace(stories=())
    for verdict, words in (("pass", "No violation was found in all"), ("inconclusive", "not everything was checked")):
        text = html_of(empty._replace(verdict=verdict))
        check_harmless(text)
        assert words in text


def test_many_harts_have_no_columns() -> None:
    harts = tuple((number, f"hart {number}") for number in range(8))
    steps = tuple(Step("", number, "p", (Source("f"),)) for number in range(8))
    text = html_of(PAGE._replace(stories=(STORY._replace(harts=harts, steps=steps, pictures=()),)))
    check_harmless(text)
    assert 'class="steps all set-in"' in text
    assert 'class="step column-7 colour-3"' in text


# --- whatever a submission has brought in ---

LINES = st.lists(TEXTS, max_size=2).map(tuple)


@st.composite
def pages(draw: Callable[..., Any]) -> Page:
    """A page of nothing but texts from outside."""
    sources = st.builds(Source, TEXTS, TEXTS, TEXTS, LINES)
    steps = st.builds(
        Step, TEXTS, st.sampled_from([0, 1]), TEXTS, st.lists(sources, max_size=2).map(tuple), st.booleans(),
        st.booleans(), st.booleans(),
    )  # fmt: skip
    one = draw(TEXTS)
    shown = Picture(
        {("process", 1, 0): Mapped(one, one, 7, one, True)}, {7: Frame(one, False, (one,))}, {one: draw(TEXTS)}
    )
    told = tuple(draw(st.lists(steps, max_size=3)))
    story = Story(
        draw(TEXTS), draw(TEXTS), draw(TEXTS), draw(LINES), Passage(draw(TEXTS), draw(LINES)), ((0, one), (1, one)),
        told, (shown,) * (len(told) + 1), (Passage(draw(TEXTS), draw(LINES)),), draw(LINES),
    )  # fmt: skip
    table = Table(
        draw(TEXTS), ("a", "b"), ((draw(TEXTS), draw(TEXTS)),), draw(st.sampled_from([-1, 1])), draw(st.booleans())
    )
    return Page(draw(TEXTS), draw(TEXTS), draw(TEXTS), draw(LINES), draw(LINES), (story,), (table,))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from texts(item)


@settings(max_examples=60, deadline=None)
@given(pages())
def test_no_text_does_harm_and_none_is_lost(page: Page) -> None:
    text = html_of(page)
    tree = check_harmless(text)
    assert all(character.isprintable() or character == "\n" for character in text)
    shown = "".join(tree.find("body").itertext())
    for part in (page.title, *page.subject, *page.warnings, page.stories[0].message, *page.stories[0].commands):
        assert printable(part) in shown
