"""Plan, query bytes, client and coin in, answer bytes out."""
