"""The wire: names, queries, replies and RDATA. Bytes in, values out, and back; pure."""
