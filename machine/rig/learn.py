"""Learning where a kernel keeps its reference counts, by running the probe on it."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import KERNBASE, PAGE
from cowcheck.machine.elf import global_variables_in_data
from cowcheck.machine.record.counts import Counts, Sample, find_counts
from cowcheck.machine.record.probe import RETURNS
from cowcheck.machine.record.recorder import Recorder

STEP_INSTRUCTIONS = 50_000_000  # between two returns to user code; a timer comes much sooner
STEADY = 12  # returns without a change after which the probe has done all that it will


def learn(recorder: Recorder) -> Counts | str:
    """The counts, or why there are none. The board has just booted, with the probe on its disk."""
    seen = recorder.run_to_user(STEP_INSTRUCTIONS * 4)
    if seen.ending is not None:
        return f"the first program was never run ({seen.text})"
    recorder.begin()
    samples: list[Sample] = []
    low, high = int(recorder.observer["text_end"]), _first_used(recorder)
    memory = np.empty((RETURNS, high - low), np.uint8)  # of which no more is taken than is filled
    steady = 0
    for _ in range(RETURNS):
        mapped = recorder.observer["mapped"].copy()
        if samples and np.array_equal(mapped, samples[-1].mapped):
            steady += 1
            if steady >= STEADY:
                break
        else:
            steady = 0
            row = memory[len(samples)]
            row[:] = recorder.board.ram[low - KERNBASE : high - KERNBASE]
            samples.append(Sample(mapped, row, low))
        seen = recorder.run_to_user(STEP_INSTRUCTIONS)
        if seen.ending is not None:
            break
    most = max(int(sample.mapped.max()) for sample in samples)
    if most < 2:
        return "fork shares no page: it copies each one at once" if seen.ending is None else f"fork failed: {seen.text}"
    found = find_counts(samples, global_variables_in_data(recorder.kernel.elf))
    return found if found is not None else "no variable of the kernel follows the number of mappings of each page"


def _first_used(recorder: Recorder) -> int:
    """The address of the first page behind the kernel that is free or mapped: what lies below is the kernel's own."""
    observer = recorder.observer
    used = np.flatnonzero((observer["on_list"] > 0) | (observer["mapped"] > 0))
    used = used[used >= int(observer["image_end"])]
    return KERNBASE + int(used[0]) * PAGE if len(used) else recorder.kernel.layout.end
