"""xv6 as it ships: fork copies every page at once. What COW must not change."""

from __future__ import annotations

from cowcheck.model.language import Design

DESIGN = Design(name="right-no-cow", title="fork copies")
