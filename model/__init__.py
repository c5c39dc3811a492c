"""What copy-on-write xv6 is: its state, the design language and that language's semantics."""
