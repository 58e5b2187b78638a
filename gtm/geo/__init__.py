"""Geo data: databases and custom networks -> the place of every address, and cell maps. It reads no file."""
