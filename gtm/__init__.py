"""A global traffic management DNS server: every client gets the closest healthy region.

The folders are the nouns of the flow, and each imports only from the floors below it (docs/flow.md):

    floor 9  cli/                                        what an operator types
    floor 8  node/                                       joins all
    floor 7  watch/ | probe/ | share/ | serve/ |         I/O: files, checks, peers, sockets,
             admin/ | metrics/                           HTTP, monitoring
    floor 6  files, above rereading | arrival, above     what all I/O shares
             threads | resolver | http_failure | turns |
             content, above tls
    floor 5  engine/                                     plan + query bytes -> answer bytes
    floor 4  plan/                                       zones + cells + decisions, immutable
    floor 3  steer/                                      candidates + place + beliefs -> outcome
    floor 2  zone/ | health/                             what is wanted | what is believed
    floor 1  dns/ | geo/                                 the wire | where an address is
    floor 0  errors ids clock counters allowance spans,  words everybody uses
             above escape
"""

__version__ = "0.1.0"
