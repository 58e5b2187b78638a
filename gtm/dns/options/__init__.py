"""EDNS options (RFC 6891 6.1.2): one file for each that this server knows, and the table of them."""
