"""Whatever text comes in: it stays text, and nothing that a terminal or a reader's eye would obey comes through."""

from __future__ import annotations

import json
from typing import Any

import html5lib
from hypothesis import given
from hypothesis import strategies as st

from cowcheck.checker.html.markup import Markup, data_element, element, escaped
from cowcheck.checker.printable import printable

NASTY = (
    "<script>alert(1)</script>", "</script>", "<!--", "-->", "]]>", "<![CDATA[", "&lt;", "&#x3c;",
    '" onload="x', "' x='", "</style>", "</title>", "</textarea>", "{{x}}", "javascript:x", "::error::",
    "\x1b[31m", "\x1b]0;title\x07", "\u202e", "\u2066", "\u200f", "\x00", "\r\n", "\u2028", "\udc80", "\ufeff",
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(NASTY), st.text(st.characters())), max_size=6).map("".join)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def body(markup: str) -> Any:
    """The body of a page that holds the markup, read as a browser reads it; an error in it is raised."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(f"<!DOCTYPE html><title>x</title><body>{markup}").find("body")


@given(TEXTS)
def test_a_text_stays_a_text(text: str) -> None:
    (made,) = body(element("p", text))
    assert (made.tag, made.attrib, len(made)) == ("p", {}, 0)
    assert (made.text or "") == printable(text)


@given(TEXTS)
def test_an_attribute_stays_an_attribute(text: str) -> None:
    (made,) = body(element("p", title=text))
    assert made.attrib == {"title": printable(text)}


@given(TEXTS)
def test_what_comes_out_is_printable(text: str) -> None:
    assert escaped(text).isprintable()


@given(VALUES)
def test_data_cannot_end_its_element_and_is_read_as_it_was(values: Any) -> None:
    markup = data_element(values, class_="x")
    (made,) = body(markup)
    assert (made.tag, made.attrib, len(made)) == ("script", {"type": "application/json", "class": "x"}, 0)
    inside = markup.removeprefix('\n<script type="application/json" class="x">').removesuffix("</script>")
    assert not set("<>&") & set(inside)
    assert inside.isascii()
    read = json.loads(made.text)
    assert json.loads(json.dumps(read)) == read
    assert text_of(read) == [printable(text) for text in text_of(values)] or has_equal_keys(values)


def text_of(values: Any) -> list[str]:
    """Every text in it, in order."""
    if isinstance(values, str):
        return [values]
    if isinstance(values, dict):
        return [text for key, value in values.items() for text in (key, *text_of(value))]
    return [text for value in values for text in text_of(value)] if isinstance(values, list) else []


def has_equal_keys(values: Any) -> bool:
    """Whether two keys are told alike, so that one is lost."""
    if isinstance(values, dict):
        return len({printable(key) for key in values}) < len(values) or any(map(has_equal_keys, values.values()))
    return isinstance(values, list) and any(map(has_equal_keys, values))


def test_attributes() -> None:
    made = element("input", type="range", hidden=True, open=False, max=3, data_go="x", title=None)
    assert made == '<input type="range" hidden max="3" data-go="x">'
    assert element("p", Markup("<b>"), "<b>") == "\n<p><b>&lt;b&gt;</p>"
