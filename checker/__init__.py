"""What judges: the search, its reports and the command line."""
