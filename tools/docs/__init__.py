"""Writes the reference pages, the man pages and the picture of the rivers from the code (`make docs`)."""
