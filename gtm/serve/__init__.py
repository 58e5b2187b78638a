"""Sockets: DNS over UDP and TCP, handed to an engine."""
