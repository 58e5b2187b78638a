"""One probe: readings of a check -> its verdict, when it can change next, and what is saved over a restart."""
