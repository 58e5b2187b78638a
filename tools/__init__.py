"""Programs for the maintainers of this repository; none is installed."""
