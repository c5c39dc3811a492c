"""The pictures of a recorded kernel, from what its steps changed.

The steps are the last ones, or those that matter; what was before them is told by what they changed it from. A page
that leads to the frame in the end and that no step changed has led there all the time. What no step shows (the count
of a frame that only a page comes from, say) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cowcheck.checker.html.picture import Frame, Key, Page, Picture
from cowcheck.checker.verify.effect import Changed, Effect, Mapped
from cowcheck.checker.verify.rights import leads_to
from cowcheck.model.sv39 import PTE_V, PTE_W, flag_letters


def pictures(
    effects: Sequence[Effect | None], in_the_end: Sequence[Mapped] = (), *, of_one: bool = True
) -> tuple[Picture, ...]:
    """One of the start and one after each effect; none where there is nothing to draw. ``of_one``: only what concerns
    one frame is told, so that a page that leads to it no more may lead elsewhere."""
    if not in_the_end and not any(effects):
        return ()
    memory = _Memory(effects, in_the_end, "not here" if of_one else "not mapped")
    return (memory.picture(), *(memory.after(effect) for effect in effects))


class _Memory:
    """What is known of pages, counts and the free list at one moment."""

    def __init__(self, effects: Sequence[Effect | None], in_the_end: Sequence[Mapped], absent: str) -> None:
        self.absent = absent
        self.ptes: dict[tuple[int, int], int] = {}
        self.counts: dict[int, int] = {}
        self.free: dict[int, int] = {}
        for effect in reversed(effects):
            if effect is not None:
                self._set(effect, effect.before)
        for mapped in in_the_end:
            self.ptes.setdefault((mapped.pid, mapped.vpn), mapped.pte)
        every = [*self.ptes.values(), *(e.after for e in effects if e is not None and e.changed is Changed.PTE)]
        led_to = {leads_to(pte) for pte in every if pte & PTE_V}
        self.frames = sorted(led_to | self.counts.keys() | self.free.keys())
        self.last: Picture | None = None

    def _set(self, effect: Effect, value: int) -> None:
        match effect.changed:
            case Changed.PTE:
                self.ptes[effect.pid, effect.vpn] = value
            case Changed.COUNT:
                self.counts[effect.frame] = value
            case Changed.FREE:
                self.free[effect.frame] = value

    def after(self, effect: Effect | None) -> Picture:
        """The picture after a step; the same one where it changed nothing."""
        if effect is not None or self.last is None:
            if effect is not None:
                self._set(effect, effect.after)
            self.last = self.picture()
        return self.last

    def picture(self) -> Picture:
        return Picture(dict(self._pages()), dict(self._frames()), {})

    def _pages(self) -> Iterator[tuple[Key, Page]]:
        for (pid, vpn), pte in self.ptes.items():
            valid = bool(pte & PTE_V)
            yield (
                ("process", pid, vpn),
                Page(
                    f"process {pid}",
                    f"page {vpn:#x}",
                    leads_to(pte) if valid else None,
                    flag_letters(pte) if valid else self.absent,
                    valid and bool(pte & PTE_W),
                ),
            )

    def _frames(self) -> Iterator[tuple[int, Frame]]:
        for frame in self.frames:
            facts = [f"count {self.counts[frame]}"] if frame in self.counts else []
            free = self.free.get(frame, 0)
            if free:
                facts.append("on the free list" + (" TWICE" if free > 1 else ""))
            yield frame, Frame(f"frame {frame:#x}", free > 0, tuple(facts))
