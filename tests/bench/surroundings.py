"""The machine that a benchmark runs on, and what else it was doing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from cowcheck.machine.qemu.program import find_qemu, qemu_version
from cowcheck.model.errors import CowcheckError


def surroundings() -> dict[str, str]:
    """By name: processor, memory, programs, load."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": f"{_processor()}, {cores} cores",
        "memory": f"{pages * page_bytes / (1 << 30):.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
        "Unicorn": metadata.version("unicorn"),
        "QEMU": _qemu(),
        "SPIN, compiler": f"{_first_line('spin', '-V')}; {_first_line('gcc', '--version')}",
        "load before": f"{os.getloadavg()[0]:.1f} (processes that wanted a core, over a minute)",
    }


def _first_line(name: str, option: str) -> str:
    """What a program says of its version."""
    if shutil.which(name) is None:
        return f"no {name}"
    done = subprocess.run([name, option], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def _processor() -> str:
    with_names = Path("/proc/cpuinfo")
    if with_names.is_file():
        found = re.search(r"^model name\s*: *(.+)$", with_names.read_text("utf-8", "replace"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def _qemu() -> str:
    try:
        return ".".join(map(str, qemu_version(find_qemu())))
    except CowcheckError:
        return "none" if shutil.which("qemu-system-riscv64") is None else "one that cannot be used"
