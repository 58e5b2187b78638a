"""Reports: verdicts of one probe as signed text, within bounds, and the newest of each node."""
