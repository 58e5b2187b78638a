"""TLS: every context of this program, between peers too, and certificates that are renewed while it runs."""
