"""A rig: a kernel booted on the board, recorded, from which workloads start again and again."""

from cowcheck.machine.rig.boot import NotBooted
from cowcheck.machine.rig.rig import Rig, Run

__all__ = ["NotBooted", "Rig", "Run"]
