"""The rivers of a node: one file for each flow of data into the plan, and out of it."""
