"""The bound: how long a client can have the address of an endpoint that died, worked out ahead."""
