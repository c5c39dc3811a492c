"""Trace files: their header, their lines, and how they are written and read."""
