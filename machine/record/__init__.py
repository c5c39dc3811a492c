"""What a machine records of a kernel: events, and the trace files that hold them."""
