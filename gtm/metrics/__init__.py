"""Numbers for people's monitoring: what this node counts and believes, for Prometheus and OpenTelemetry."""
