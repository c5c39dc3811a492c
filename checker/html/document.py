"""A page as one HTML file that needs nothing else: no network, no other file, no script but its own.

The style and the script stand in the file, and its Content-Security-Policy names their digests, so that a browser runs
and loads nothing else, whatever text a submission has brought in. Without JavaScript every step is listed all the same:
the script only moves through the list that stands here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cowcheck.checker.html.markup import Markup, element
from cowcheck.checker.html.page import Page, Passage, Table
from cowcheck.checker.html.story import story
from cowcheck.checker.output import write_text

FOLDER = Path(__file__).parent
_BADGES = {
    "pass": "good", "holds": "good", "done": "good", "fail": "bad", "violated": "bad", "error": "bad",
}  # fmt: skip


def html_of(page: Page) -> str:
    """The file."""
    style, script = (Markup((FOLDER / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{page.verdict}: {page.title} - cowcheck"),
        element("style", style),
    )
    body = element("body", *_body(page), element("script", script))
    return f"<!DOCTYPE html>{element('html', head, body, lang='en')}\n"


def write_report(file: str, page: Page) -> None:
    """Writes the file. Raises :class:`CowcheckError` where it cannot be written."""
    write_text(Path(file), html_of(page))


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"


def _body(page: Page) -> Iterator[Markup]:
    yield element("a", "Skip to what was found", href="#found", class_="skip")
    yield element(
        "header",
        element("p", "cowcheck", class_="brand"),
        element("h1", page.title),
        element("p", _badge(page.verdict), " ", element("span", page.summary), class_="verdict"),
        *(element("p", line, class_="subject") for line in page.subject),
    )
    yield element("main", *_main(page), id="found", tabindex="-1")


def _main(page: Page) -> Iterator[Markup]:
    if page.stories:
        entries = (
            element("li", element("a", item.title, href=f"#story-{number}"))
            for number, item in enumerate(page.stories, start=1)
        )
        count = len(page.stories)
        heading = "What went wrong" if count == 1 else f"What went wrong: {count} violations"
        yield element("nav", element("h2", heading, id="contents"), element("ol", *entries), aria_labelledby="contents")
    else:
        yield element("p", _nothing_found(page), class_="nothing")
    if page.warnings:
        yield element("ul", *(element("li", text) for text in page.warnings), class_="warnings")
    for number, item in enumerate(page.stories, start=1):
        yield story(item, number)
    yield from (_table(table) for table in page.tables)
    yield from (_passage(passage) for passage in page.passages)


def _nothing_found(page: Page) -> str:
    if page.verdict == "pass":
        return "No violation was found in all that is listed here."
    return "No violation was found, but not everything was checked."


def _table(table: Table) -> Markup:
    columns = range(len(table.headers))
    numbers = {column for column in columns if all(_is_number(row[column]) for row in table.rows)}
    heads = (
        element("th", header, scope="col", class_="number" if column in numbers else None)
        for column, header in enumerate(table.headers)
    )
    rows = (
        element("tr", *(_cell(text, column, table, column in numbers) for column, text in enumerate(row)))
        for row in table.rows
    )
    made = element(
        "div",
        element(
            "table",
            element("thead", element("tr", *heads)),
            element("tbody", *rows),
        ),
        class_="scroll", role="region", tabindex="0", aria_label=table.title,
    )  # fmt: skip
    if table.folded:
        return element("details", element("summary", f"{table.title} ({len(table.rows):,})"), made, class_="table")
    return element("section", element("h2", table.title), made)


def _is_number(text: str) -> bool:
    return text.replace(",", "").isdigit()


def _cell(text: str, column: int, table: Table, is_number: bool) -> Markup:
    if column == 0:
        return element("th", text, scope="row")
    if column == table.state:
        return element("td", _badge(text))
    return element("td", text, class_="number" if is_number else None, data_head=table.headers[column])


def _badge(word: str) -> Markup:
    return element("strong", word, class_=f"badge {_BADGES.get(word, 'unsure')}")


def _passage(passage: Passage) -> Markup:
    lines = element("ul", *(element("li", line) for line in passage.lines), class_="lines")
    return element("section", element("h2", passage.title), lines)
