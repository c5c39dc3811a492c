"""What a schedule is. Nothing else stands here, so that results can be read without an emulator."""

from __future__ import annotations

Switch = tuple[int, int]
"""Before step n (the first element), hart h (the second) goes on."""

Schedule = tuple[Switch, ...]
"""In the order of the steps; the first says which hart begins. In between, a hart goes on until it cannot."""
