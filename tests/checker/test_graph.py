"""The state graph of small hand-made searches: paths, what cannot reach an end, and how it is shown."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.checker.graph import StateGraph

Edge = tuple[int, int]


def graph_of(nodes: int, edges: list[Edge]) -> StateGraph:
    """The graph that a breadth-first search would leave: node 0 first; the action of edge n is n + 1."""
    graph = StateGraph()
    tree: dict[int, tuple[int, int]] = {}
    for number, (source, target) in enumerate(edges, 1):
        if target != 0 and target not in tree:
            tree[target] = (source, number)
    for node in range(nodes):
        graph.add_node(*tree.get(node, (-1, 0)))
    for number, (source, target) in enumerate(edges, 1):
        graph.add_edge(source, target, number)
    return graph


DIAMOND = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]


def test_the_sizes() -> None:
    graph = graph_of(5, DIAMOND)
    assert (graph.nodes, graph.edges) == (5, 5)
    assert StateGraph().nodes == StateGraph().edges == 0


def test_paths_follow_the_tree_of_discovery() -> None:
    graph = graph_of(5, DIAMOND)
    assert [graph.path(node) for node in range(5)] == [[], [1], [2], [1, 3], [1, 3, 5]]
    assert [graph.depth(node) for node in range(5)] == [0, 1, 1, 2, 3]


def test_networkx_sees_the_same_graph() -> None:
    graph = graph_of(6, [*DIAMOND, (3, 4)])  # node 5 has no edges, and two actions lead from 3 to 4
    seen = graph.digraph()
    assert sorted(seen.nodes) == list(range(6))
    assert sorted(seen.edges) == sorted(DIAMOND)


def test_the_first_of_several_actions_is_told() -> None:
    graph = graph_of(5, [*DIAMOND, (3, 4)])
    assert graph.first_action(3, 4) == 5
    with pytest.raises(AssertionError, match="no edge from 4 to 3"):
        graph.first_action(4, 3)


def lost_and_lasso(nodes: int, edges: list[Edge], goals: list[int]) -> tuple[list[int], tuple[int, list[int]] | None]:
    graph = graph_of(nodes, edges)
    part, lost = graph.cannot_reach(goals)
    assert set(part) == set(lost)
    return lost, graph.shortest_lasso(part, lost) if lost else None


def test_all_reach_the_goal() -> None:
    assert lost_and_lasso(5, DIAMOND, [4]) == ([], None)


def test_a_stuck_state() -> None:
    """0 -> 1 -> 2, and 1 -> 3 from where nothing leads on."""
    assert lost_and_lasso(4, [(0, 1), (1, 2), (1, 3)], [2]) == ([3], (3, []))


def test_a_state_that_only_leads_to_stuck_ones_is_lost_too() -> None:
    """1 cannot reach 2 any more; what is shown is 3, which it leads to."""
    assert lost_and_lasso(4, [(0, 1), (0, 2), (1, 3)], [2]) == ([1, 3], (3, []))


def test_a_state_that_leads_to_itself() -> None:
    assert lost_and_lasso(3, [(0, 1), (0, 2), (2, 2)], [1]) == ([2], (2, [3]))


def test_a_cycle_is_told_from_the_first_state_on_it() -> None:
    """0 -> 2 -> 3 -> 4 -> 3: 2 is lost and on no cycle; 3 and 4 go round."""
    edges = [(0, 1), (0, 2), (2, 3), (3, 4), (4, 3)]
    assert lost_and_lasso(5, edges, [1]) == ([2, 3, 4], (3, [4, 5]))


def test_the_shortest_of_two_cycles_is_told() -> None:
    """From 1 round by 2 and 3, or by 4."""
    edges = [(0, 1), (1, 2), (2, 3), (3, 1), (1, 4), (4, 1)]
    assert lost_and_lasso(5, edges, []) == ([0, 1, 2, 3, 4], (1, [5, 6]))


def test_a_stuck_state_that_is_found_first_comes_before_a_cycle() -> None:
    assert lost_and_lasso(4, [(0, 1), (0, 2), (2, 3), (3, 2)], []) == ([0, 1, 2, 3], (1, []))


def test_without_goals_all_are_lost() -> None:
    assert lost_and_lasso(5, DIAMOND, []) == ([0, 1, 2, 3, 4], (4, []))


def test_an_edge_out_of_a_cycle_saves_it() -> None:
    assert lost_and_lasso(3, [(0, 1), (1, 0), (1, 2)], [2]) == ([], None)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[Edge], list[int]]:
    """Connected from 0, in the order of discovery, with some goals."""
    nodes = draw(st.integers(1, 8))
    tree = [(draw(st.integers(0, node - 1)), node) for node in range(1, nodes)]
    node = st.integers(0, nodes - 1)
    more = draw(st.lists(st.tuples(node, node), max_size=10))
    return nodes, tree + more, draw(st.lists(node, max_size=2, unique=True))


@settings(max_examples=150, deadline=None)
@given(subject=graphs())
def test_what_is_lost_is_what_networkx_finds_no_path_from(subject: tuple[int, list[Edge], list[int]]) -> None:
    nodes, edges, goals = subject
    plain: nx.DiGraph = nx.DiGraph(edges)
    plain.add_nodes_from(range(nodes))
    expected = [node for node in range(nodes) if not any(nx.has_path(plain, node, goal) for goal in goals)]
    lost, lasso = lost_and_lasso(nodes, edges, goals)
    assert lost == expected
    if lasso is None:
        return
    node, actions = lasso
    assert node in lost
    if not actions:
        assert plain.out_degree(node) == 0
        return
    at = node
    for action in actions:
        source, target = edges[action - 1]
        assert (source, target) in plain.edges
        assert source == at
        at = target
    assert at == node
    assert len(actions) == min(len(cycle) for cycle in nx.simple_cycles(plain.subgraph(lost)) if node in cycle)
