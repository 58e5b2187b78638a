"""The node file: text -> a checked value, one file for each of its parts."""
