"""The scenarios, one file each: what the user processes do."""
