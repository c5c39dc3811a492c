"""The style's colours: what is text can be read on every ground, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = resources.files("cowcheck.checker.html").joinpath("report.css").read_text(encoding="utf-8")
TEXTS = ("text", "quiet", "link", "good", "bad", "unsure", "hart-0", "hart-1", "hart-2", "hart-3", "changed")
GROUNDS = ("ground", "panel", "current-ground", "changed-ground")
LINES = ("line",)  # what only parts


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_what_the_guidelines_say() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_every_ground(scheme: str) -> None:
    known = colours(scheme)
    assert set(known) == {*TEXTS, *GROUNDS, *LINES}
    for ground in GROUNDS:
        assert {name: ratio for name in TEXTS if (ratio := contrast(known[name], known[ground])) < 4.5} == {}
        assert {name: ratio for name in LINES if (ratio := contrast(known[name], known[ground])) < 3} == {}


def test_dark_and_light_have_the_same_names_and_no_colour_stands_elsewhere() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    assert set(re.findall(r"--([\w-]+):", light)) == set(re.findall(r"--([\w-]+):", dark))
    rest = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-f]{3,8}\b|rgb|hsl", rest)
    assert set(re.findall(r"var\(--([\w-]+)", rest)) <= {*TEXTS, *GROUNDS, *LINES, "hart"}
