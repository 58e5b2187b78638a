"""Peers: keys, and the polling of reports over HTTP."""
