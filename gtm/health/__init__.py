"""Health: readings -> verdicts -> reports -> the status of a node. It reads no file, no clock and no socket."""
