"""The state folder: what a node keeps on disk, checksummed, under a lock."""
