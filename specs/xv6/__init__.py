"""The parts of xv6 that every design stands on."""
