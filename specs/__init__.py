"""What is claimed: the invariants, the designs and the scenarios."""
