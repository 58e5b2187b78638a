"""Events of a node: recorded with their causes, kept in a log in memory and in files."""
