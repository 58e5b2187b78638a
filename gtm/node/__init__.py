"""Joins everything: one file per river, one that runs them."""
