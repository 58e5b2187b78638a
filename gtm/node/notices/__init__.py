"""Notices: lines of the log and events about outages, the quorum, clocks, probes and safety rules."""
