"""The node file: text -> a validated configuration; one module for each part of the node file."""
