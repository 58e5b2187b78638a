"""The kinds of monitor, one file each: what a zone file may say for a kind, and the settings that this becomes.

gtm/zone/monitors/registry.py lists them; how a check of each kind is run is in gtm/probe.
"""
