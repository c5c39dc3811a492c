"""The HTML of one story: the list of its steps, a column a hart, and what the script needs to move through it."""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.checker.html.markup import Markup, data_element, element, together
from cowcheck.checker.html.page import Passage, Source, Step, Story
from cowcheck.checker.html.picture import drawing

MOST_OPEN = 60  # steps that are listed without a click
MOST_COLUMNS = 3  # harts that have a column of their own; more are told apart by how far a step is set in
COLOURS = 4  # of harts; the fifth has the first one's again
_KEYS = "The arrow keys go from step to step{}; Home and End go to the ends."
_STARS = ", with Shift from star to star"
_BUTTONS = (
    ("first", "\u21e4", "First step", "Home"),
    ("marked-before", "\u2190\u2605", "Step before with a star", "Shift+Left"),
    ("before", "\u2190", "Step before", "Left"),
    ("next", "\u2192", "Next step", "Right"),
    ("marked-next", "\u2605\u2192", "Next step with a star", "Shift+Right"),
    ("last", "\u21e5", "Last step", "End"),
)


def story(item: Story, number: int) -> Markup:
    """The section; ``number`` counts the page's stories from 1."""
    name = f"story-{number}"
    return element("section", *_parts(item, name), id=name, class_="story", aria_labelledby=f"{name}-title")


def _parts(item: Story, name: str) -> Iterator[Markup]:
    yield element("h2", item.title, id=f"{name}-title")
    yield element("p", item.claim, class_="claim")
    yield element("p", item.message, class_="message")
    yield from (element("p", remark) for remark in item.remarks)
    if item.steps:
        yield _player(item)
        yield _every_step(item)
        if item.pictures:
            yield data_element(drawing(item.pictures), class_="pictures")
    yield from (_passage(passage) for passage in item.passages)
    if item.commands:
        yield element("p", "To run it again:")
        yield element("pre", *(element("code", command) for command in item.commands), class_="commands")


def _player(item: Story) -> Markup:
    """The controls, the few steps around the one that is shown, and the place of the drawing; the script shows it."""
    has_stars = any(step.marked for step in item.steps)
    buttons = (
        element("button", sign, type="button", data_go=go, aria_label=label, title=f"{label} ({key})",
                aria_keyshortcuts=key.replace("Left", "ArrowLeft").replace("Right", "ArrowRight"))
        for go, sign, label, key in _BUTTONS
        if has_stars or not go.startswith("marked")
    )  # fmt: skip
    slider = element(
        "input", type="range", min="0", max=len(item.steps), value="0", step="1", aria_label="Step", autocomplete="off"
    )
    stage = element(
        "div",
        element("div", _heads(item), element("ol", class_=f"steps near {_columns(item)}"), class_="around"),
        *([element("div", class_="drawing")] if item.pictures else []),
        class_="stage",
    )
    return element(
        "div",
        element("div", element("div", *buttons, class_="buttons"), slider, class_="controls"),
        element("p", class_="now", role="status"),
        element("p", _KEYS.format(_STARS if has_stars else ""), class_="hint"),
        stage,
        class_="player", role="group", aria_label="Step through it", hidden=True,
    )  # fmt: skip


def _every_step(item: Story) -> Markup:
    count = len(item.steps)
    start = (_start(item.start),) if item.start.title else ()
    column = {hart: number for number, (hart, _) in enumerate(item.harts)}
    return element(
        "details",
        element("summary", f"All {count:,} steps" if count > 1 else "The step"),
        *start,
        _heads(item),
        element("ol", *(_step(step, column[step.hart]) for step in item.steps), class_=f"steps all {_columns(item)}"),
        class_="every", open=count <= MOST_OPEN,
    )  # fmt: skip


def _start(passage: Passage) -> Markup:
    lines = element("ul", *(element("li", line) for line in passage.lines), class_="lines")
    return element("div", element("p", passage.title), *([lines] if passage.lines else []), class_="start")


def _columns(item: Story) -> str:
    """The class of a list: so many columns, or steps that are set in."""
    return f"columns-{len(item.harts)}" if len(item.harts) <= MOST_COLUMNS else "set-in"


def _heads(item: Story) -> Markup:
    if len(item.harts) > MOST_COLUMNS:
        return Markup("")
    heads = (
        element("span", title, class_=f"hart colour-{number % COLOURS}") for number, (_, title) in enumerate(item.harts)
    )
    return element("div", *heads, class_=f"heads {_columns(item)}", aria_hidden="true")


def _step(step: Step, column: int) -> Markup:
    who = element(
        "p",
        element("span", f"hart {step.hart}", class_="hart"),
        f" {step.who} " if step.who else " ",
        element("span", f"{step.number}{', which repeats for ever' if step.repeats else ''}", class_="number"),
        *([element("span", "\u2605", class_="star", role="img", aria_label="has to do with the violation")]
          if step.marked else []),
        class_="who",
    )  # fmt: skip
    kinds = ["step", f"column-{column}", f"colour-{column % COLOURS}"]
    kinds += [kind for kind, is_so in (("marked", step.marked), ("stops", step.stops)) if is_so]
    before = ("", *(source.function for source in step.sources))
    sources = (_source(source, function) for source, function in zip(step.sources, before, strict=False))
    cell = element("div", who, *sources, class_="cell")
    return element("li", cell, class_=" ".join(kinds))


def _source(source: Source, before: str) -> Markup:
    """The lines of a place; ``before`` is the function of the last one, which is not said again."""
    function = [element("b", source.function), " "] if source.function != before else []
    place = [element("span", source.place, class_="place")] if source.place else []
    code = [element("code", source.code)] if source.code else []
    told = [element("ul", *(element("li", text) for text in source.told), class_="told")] if source.told else []
    return together(element("p", *function, *place, *code, class_="source"), *told)


def _passage(passage: Passage) -> Markup:
    return element(
        "div",
        element("h3", passage.title),
        element("ul", *(element("li", line) for line in passage.lines), class_="lines"),
    )
