"""What is believed: reading -> verdict -> report -> status; pure."""
