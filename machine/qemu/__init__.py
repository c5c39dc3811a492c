"""QEMU as a second machine: the emulator that the labs use, observed through its debugging stub and a mapped file of
its RAM."""
