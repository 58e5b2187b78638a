"""Zone files whose calculated monitors nest: deep, or on more ways than anybody can walk."""

HEAD = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}}
"""
ENDPOINTS = "steer: weighted, endpoints: [{region: one, address: 192.0.2.1}]"
LEAVES = "  a0: {type: http}\n  b0: {type: tcp, port: 80}\n"


def zone(monitors: str, top: str) -> str:
    """The zone file with a service that is watched by the monitor at the top."""
    return f"{HEAD}monitors:\n{LEAVES}{monitors}services: {{api: {{monitor: {top}, {ENDPOINTS}}}}}\n"


def rows(count: int) -> str:
    """Two monitors in each row, each over both of the row before: 2**count ways from the last row to the first."""
    lines = [
        f"  {name}{row}: {{type: calculated, {how}: [a{row - 1}, b{row - 1}]}}\n"
        for row in range(1, count)
        for name, how in (("a", "all"), ("b", "any"))
    ]
    return zone("".join(lines), f"a{count - 1}")


def chain(count: int) -> str:
    """A row of monitors, each over the one before."""
    lines = [f"  a{place}: {{type: calculated, all: [a{place - 1}]}}\n" for place in range(1, count)]
    return zone("".join(lines), f"a{count - 1}")
