"""Files: reads the zone folder and the geo data, and says when they changed."""
