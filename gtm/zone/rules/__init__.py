"""Rules that look at a whole zone: names, CNAME loops, service cycles, sizes, rates, places of regions."""
