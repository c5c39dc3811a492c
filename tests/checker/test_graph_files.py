"""The state graph that is written is the one that was explored, in each format."""

from __future__ import annotations

import json
import re
from pathlib import Path

import networkx as nx
import pytest

from cowcheck.checker.cli import main
from cowcheck.checker.job import Job, run

JOB = Job("lab-plan", "store-text-alone")
STATS = run(JOB).stats


def written(path: Path) -> Path:
    assert main(["explore", "--design", JOB.design, "--scenario", JOB.scenario, "--graph", str(path)]) == 0
    return path


@pytest.mark.parametrize("ending", ["graphml", "json"])
def test_networkx_reads_it(ending: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"graph.{ending}")
    if ending == "graphml":
        graph = nx.read_graphml(path, node_type=int, force_multigraph=True)
    else:
        graph = nx.node_link_graph(json.loads(path.read_text("utf-8")), edges="edges")
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (STATS.states, STATS.transitions)
    assert nx.eccentricity(graph.to_undirected(as_view=True), 0) <= STATS.depth
    assert max(nx.single_source_shortest_path_length(graph, 0).values()) == STATS.depth
    ends = [node for node in graph if graph.out_degree(node) == 0]
    assert ends
    assert all(graph.nodes[node]["label"].endswith("[end]") for node in ends)
    assert [node for node in graph if graph.nodes[node]["label"].endswith("[initial]")] == [0]
    assert any("parent store page 0" in graph.nodes[node]["label"] for node in graph)
    assert {label for *_, label in graph.edges(data="label")} <= {"pid 1", "pid 2", "pid 2 timer"}


def test_dot_is_well_formed(tmp_path: Path) -> None:
    first, *lines, last = written(tmp_path / "graph.dot").read_text("utf-8").splitlines()
    assert (first, last) == ("digraph states {", "}")
    nodes = [line for line in lines if re.fullmatch(r'  \d+ \[label="[^"]*"\];', line)]
    edges = [line for line in lines if re.fullmatch(r'  \d+ -> \d+ \[label="[^"]*"\];', line)]
    assert len(nodes) + len(edges) == len(lines)
    assert (len(nodes), len(edges)) == (STATS.states, STATS.transitions)


def test_states_that_violate_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "states.json"
    run(Job("kref-lock", "two-stores", graph=str(path)))
    labels = [node["label"] for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]]
    assert any(label.endswith(" [violation]") for label in labels)
    assert sum(label.endswith(" [initial]") for label in labels) == 1
