"""What is wanted: zone files in, valid frozen zones out; pure."""
