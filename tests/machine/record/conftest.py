"""One RAM for all tests: it is large, and each test cleans what it touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machine.record.world import World


@pytest.fixture(scope="session")
def shared_world() -> World:
    return World()


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    shared_world.clear()
    yield shared_world
    shared_world.clear()
