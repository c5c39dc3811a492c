"""What the tests of reports share with those of recordings."""

from __future__ import annotations

import pytest

from tests.checker.verify.conftest import ToyKernel


@pytest.fixture(scope="session")
def toy_kernel() -> type[ToyKernel]:
    return ToyKernel
