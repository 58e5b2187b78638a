"""TLS: makes every TLS context of this program, and loads certificates that are renewed while it runs."""
