"""Searching the schedules of a kernel's own machine code."""
