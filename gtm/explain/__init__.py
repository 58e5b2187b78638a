"""Explains an answer: place, cell, filters, outcome, and how a query chooses among its records."""
