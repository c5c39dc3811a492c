"""The formats that a model can be written in."""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.checker.catalogue import Design
from cowcheck.checker.export.promela import promela
from cowcheck.model.scenario import Scenario

FORMATS: dict[str, Callable[[Design, Scenario], str]] = {"promela": promela}
"""By name."""
