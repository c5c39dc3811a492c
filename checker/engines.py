"""Which engine explores: the native one where the system has a C compiler, else the reference interpreter.

Both find the same. The reference interpreter alone keeps the whole graph, and lets z3 judge every view.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from cowcheck.checker.native import CompilerError, Engine, Unsupported, engine_of, find_compiler
from cowcheck.checker.native.compiler import COMPILERS
from cowcheck.model.errors import CowcheckError
from cowcheck.model.system import Model
from cowcheck.specs.invariants import INVARIANTS

Tell = Callable[[str], None]


class EngineName(StrEnum):
    """What ``--engine`` may be."""

    AUTO = "auto"
    NATIVE = "native"
    REFERENCE = "reference"


def engine_for(model: Model, wanted: EngineName) -> Engine | None:
    """The compiled engine of a model's program; None where the reference interpreter is to explore.

    Raises :class:`CowcheckError` where ``wanted`` is the native one and there is none.
    """
    if wanted is EngineName.REFERENCE:
        return None
    compiler = find_compiler()
    try:
        if compiler is not None:
            return engine_of(model, INVARIANTS, compiler)
        problem = f"no C compiler was found ({', '.join(COMPILERS)}); install one, or give --engine auto"
    except CompilerError as error:
        problem = f"the C compiler fails: {error}"
    except Unsupported as error:
        problem = f"the native engine does not take {error}; give --engine auto"
    if wanted is EngineName.NATIVE:
        raise CowcheckError(f"--engine native: {problem}")
    return None


def prepare(models: Sequence[Model], wanted: EngineName, tell: Tell) -> None:
    """Compiles the engines of the models' programs, on all cores; says in a word where the reference interpreter takes
    their place. Raises :class:`CowcheckError` as :func:`engine_for` does."""
    if wanted is EngineName.REFERENCE:
        return
    if find_compiler() is None and wanted is EngineName.AUTO:
        tell(
            f"cowcheck: no C compiler ({', '.join(COMPILERS)}): the reference interpreter explores, which takes longer"
        )
        return
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        engines = list(pool.map(lambda model: engine_for(model, wanted), models))
    if None in engines:
        try:
            engine_for(models[engines.index(None)], EngineName.NATIVE)
        except CowcheckError as error:
            tell(f"cowcheck: the reference interpreter explores: {error}")
