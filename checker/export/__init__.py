"""A design in a scenario, written out for someone else's model checker."""
