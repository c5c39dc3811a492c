"""xv6 file-system images: written from scratch for our own programs, and read where a submission brings one."""

from __future__ import annotations

from cowcheck.machine.disk.file_system import make_image
from cowcheck.machine.disk.reader import DiskImage, read_image

__all__ = ["DiskImage", "make_image", "read_image"]
