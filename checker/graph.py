"""The state graph: what an exploration leaves behind, as networkx sees it.

While exploring, edges are three flat arrays (networkx's dictionaries would take some ten times the memory); ``digraph``
makes the networkx graph of them, on which progress, paths, coverage and outcomes are computed and which is written out.
A node is a state's number in the order of discovery, so node 0 is initial and breadth-first order is numerical order.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import networkx as nx

from cowcheck.model.errors import CowcheckError

FORMATS = (".graphml", ".dot", ".json")
_SINK = -1
_NODE_BYTES, _EDGE_BYTES = 420, 240  # what networkx's dictionaries take, measured


class StateGraph:
    """Nodes are numbered from 0; each edge is an action's code. ``parent`` is the breadth-first tree."""

    def __init__(self) -> None:
        self.parent = array("i")
        self.parent_action = array("h")
        self.sources = array("i")
        self.targets = array("i")
        self.actions = array("h")

    @property
    def nodes(self) -> int:
        return len(self.parent)

    @property
    def edges(self) -> int:
        return len(self.sources)

    def digraph_bytes(self) -> int:
        """About what :meth:`digraph` takes."""
        return self.nodes * _NODE_BYTES + self.edges * _EDGE_BYTES

    def add_node(self, parent: int, action: int) -> int:
        self.parent.append(parent)
        self.parent_action.append(action)
        return len(self.parent) - 1

    def add_edge(self, source: int, target: int, action: int) -> None:
        self.sources.append(source)
        self.targets.append(target)
        self.actions.append(action)

    def path(self, node: int) -> list[int]:
        """The actions of a shortest path from the initial state."""
        actions = []
        while self.parent[node] >= 0:
            actions.append(self.parent_action[node])
            node = self.parent[node]
        return actions[::-1]

    def depth(self, node: int) -> int:
        """Steps from the initial state."""
        return len(self.path(node))

    def digraph(self) -> nx.DiGraph:
        """The graph for networkx; an edge's ``action`` is the first one that leads there."""
        graph: nx.DiGraph = nx.DiGraph()
        graph.add_nodes_from(range(self.nodes))
        graph.add_edges_from(zip(self.sources, self.targets, strict=True))
        return graph

    def first_action(self, source: int, target: int) -> int:
        """The action of an edge. Linear; for the few edges of a cycle that is shown."""
        for index, node in enumerate(self.sources):
            if node == source and self.targets[index] == target:
                return self.actions[index]
        raise AssertionError(f"no edge from {source} to {target}")

    def cannot_reach(self, goals: Iterable[int]) -> tuple[nx.DiGraph, list[int]]:
        """The graph of the states from which no goal can be reached, and those states in order."""
        graph = self.digraph()
        graph.add_edges_from((goal, _SINK) for goal in goals)
        lost = set(graph) - nx.ancestors(graph, _SINK) - {_SINK} if _SINK in graph else set(graph)
        states = sorted(lost)
        return graph_of(states, zip(self.sources, self.targets, strict=True)), states

    def shortest_lasso(self, graph: nx.DiGraph, lost: list[int]) -> tuple[int, list[int]]:
        """As :func:`shortest_lasso`, with this graph's actions."""
        return shortest_lasso(graph, lost, self.first_action)


def graph_of(states: Sequence[int], steps: Iterable[tuple[int, int]]) -> nx.DiGraph:
    """The graph of these states, and of those steps that lead from one of them to another."""
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(states)
    graph.add_edges_from((source, target) for source, target in steps if source in graph and target in graph)
    return graph


def shortest_lasso(
    graph: nx.DiGraph, lost: Sequence[int], first_action: Callable[[int, int], int]
) -> tuple[int, list[int]]:
    """Among states that cannot reach a goal: the first one that is stuck or lies on a cycle, and that cycle's
    actions (none where it is stuck). ``first_action`` says which action leads from a state to another first."""
    on_cycle = {
        node
        for component in nx.strongly_connected_components(graph)
        if len(component) > 1 or any(graph.has_edge(node, node) for node in component)
        for node in component
    }
    for node in lost:
        if graph.out_degree(node) == 0:
            return node, []
        if node in on_cycle:
            back = min(
                (nx.shortest_path(graph, successor, node) for successor in graph.successors(node)
                 if nx.has_path(graph, successor, node)),
                key=len,
            )  # fmt: skip
            cycle = [node, *back]
            return node, [first_action(a, b) for a, b in pairwise(cycle)]
    raise AssertionError("a finite graph ends in a stuck state or in a cycle")


def write_graph(graph: StateGraph, labels: list[str], edge_labels: dict[int, str], path: Path) -> None:
    """Writes the graph in the format that the file's ending names. Raises :class:`CowcheckError`.

    ``labels`` has a text for each node; ``edge_labels`` one for each action.
    """
    if path.suffix not in FORMATS:
        raise CowcheckError(f"{path}: unknown graph format '{path.suffix}'; known: {', '.join(FORMATS)}")
    out: nx.MultiDiGraph = nx.MultiDiGraph()
    for node, label in enumerate(labels):
        out.add_node(node, label=label)
    for source, target, action in zip(graph.sources, graph.targets, graph.actions, strict=True):
        out.add_edge(source, target, label=edge_labels[action])
    try:
        if path.suffix == ".graphml":
            nx.write_graphml(out, path)
        elif path.suffix == ".json":
            path.write_text(json.dumps(nx.node_link_data(out, edges="edges"), indent=1) + "\n", encoding="utf-8")
        else:
            path.write_text("\n".join(_dot(out)) + "\n", encoding="utf-8")
    except OSError as error:
        raise CowcheckError(f"{path}: cannot be written ({error.strerror or error})") from error


def _dot(graph: nx.MultiDiGraph) -> Iterable[str]:
    yield "digraph states {"
    for node, data in graph.nodes(data=True):
        yield f"  {node} [label={json.dumps(data['label'])}];"
    for source, target, data in graph.edges(data=True):
        yield f"  {source} -> {target} [label={json.dumps(data['label'])}];"
    yield "}"
