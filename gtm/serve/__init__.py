"""Sockets: receives DNS queries over UDP and TCP, and answers them with an engine."""
