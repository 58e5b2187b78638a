"""Metrics for monitoring systems: what this node counts and believes, for Prometheus and OpenTelemetry."""
