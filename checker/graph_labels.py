"""The words on a written state graph: for each state where every process is, for each edge who steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cowcheck.checker.explore import Exploration, Explorer, decode
from cowcheck.checker.graph import write_graph
from cowcheck.model.language import SLEEPING, UNUSED, ZOMBIE
from cowcheck.model.layout import FIRST, INIT, PC, STATE, UPC
from cowcheck.model.system import Model, StateTuple


def write_labelled_graph(explorer: Explorer, found: Exploration, path: Path) -> None:
    """Writes the graph of what was explored. Raises :class:`CowcheckError` where it cannot be written."""
    model = explorer.model
    ends, violating = set(found.ends), set(found.violating)
    labels = [
        state_label(model, state)
        + (" [initial]" if found.graph.parent[number] < 0 else "")
        + (" [end]" if number in ends else "")
        + (" [violation]" if number in violating else "")
        for number, state in enumerate(explorer.states())
    ]
    actions = {code: decode(code) for code in sorted(set(found.graph.actions))}
    edges = {code: f"pid {action.pid}" + (" timer" if action.timer else "") for code, action in actions.items()}
    write_graph(found.graph, labels, edges, path)


def state_label(model: Model, state: StateTuple) -> str:
    """Where each process is: ``pid 2 parent kfree:74; pid 3 child store page 0``."""
    panic = model.panic_message(state)
    return "; ".join([*([f"PANIC {panic}"] if panic else []), *_processes(model, state)]) or "no process"


def _processes(model: Model, state: StateTuple) -> Iterator[str]:
    for pid in range(INIT, model.layout.processes + 1):
        base = model.layout.process(pid)
        run, pc = state[base + STATE], state[base + PC]
        if run == UNUSED or (pid < FIRST and not pc):
            continue
        if run == ZOMBIE:
            where = "zombie"
        elif run == SLEEPING:
            where = "sleeping"
        elif pc:
            instruction = model.program.instructions[pc - 1]
            where = f"{instruction.function}:{instruction.place.line}"
        else:
            where = str(model.ops[state[base + UPC]])
        yield f"pid {pid} {model.op_program(state, pid)} {where}"
