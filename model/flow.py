"""From labels to instruction indices: jumps are followed through, and what no path reaches is dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cowcheck.model.ir import Branch, Instruction, Jump, successors


def resolve(
    code: Sequence[Instruction], labels: Sequence[int], entries: Sequence[int]
) -> tuple[tuple[Instruction, ...], tuple[int, ...]]:
    """The reachable instructions, with indices in the place of labels, and the entries' indices.

    An instruction that falls through is followed by the one that it falls to: both are reached, and their order stays.
    """

    def target(index: int) -> int:
        seen = set()
        while isinstance(instruction := code[index], Jump) and index not in seen:
            seen.add(index)
            index = labels[instruction.to]
        return index

    flow = [_retargeted(instruction, lambda label: target(labels[label])) for instruction in code]
    starts = [target(entry) for entry in entries]
    reached: set[int] = set()
    work = list(starts)
    while work:
        index = work.pop()
        if index not in reached:
            reached.add(index)
            work.extend(successors(index, flow[index]))
    order = sorted(reached)
    new_index = {old: new for new, old in enumerate(order)}
    kept = tuple(_retargeted(flow[old], new_index.__getitem__) for old in order)
    return kept, tuple(new_index[start] for start in starts)


def _retargeted(instruction: Instruction, to: Callable[[int], int]) -> Instruction:
    match instruction:
        case Branch(then=then, otherwise=otherwise):
            return replace(instruction, then=to(then), otherwise=to(otherwise))
        case Jump(to=label):
            return replace(instruction, to=to(label))
        case _:
            return instruction
