"""Reports of all probes -> the status: voices, quorum, outliers, local views, and what is saved over a restart."""
