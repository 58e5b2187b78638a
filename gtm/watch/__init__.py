"""Files: reads the zone folder and the geo data, and finds out when they changed."""
