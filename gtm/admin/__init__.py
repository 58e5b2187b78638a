"""HTTP: the admin API, as server and as client."""
