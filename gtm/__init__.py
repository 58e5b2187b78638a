"""A global traffic management DNS server: every client gets the closest healthy region.

The folders are the nouns of the flow, and each imports only from the floors below it (docs/flow.md):

    floor 9  cli/                                        what an operator types
    floor 8  node/                                       joins all
    floor 7  watch/ | probe/ | share/ | serve/ |         I/O: files, checks, peers, sockets,
             admin/ | metrics/                           HTTP, monitoring
    floor 6  http_failure, above tls/, above             what all I/O shares
             files, above rereading | arrival, above
             threads | resolver | turns | content
    floor 5  explain/, above engine/                     why an answer | plan + query bytes -> answer bytes
    floor 4  plan/                                       zones + cells + decisions, immutable
    floor 3  steer/                                      candidates + place + beliefs -> outcome
    floor 2  checks/, above zone/ | health/              how checks are judged | what is wanted | what is believed
    floor 1  dns/ | geo/, above config/                  the wire | where an address is | YAML with positions
    floor 0  event, above errors ids clock counters      names and values that all parts use
             token_bucket spans, above escape

Large folders have rooms, whose floors are in pyproject.toml:

    node/    config/ state/ events/ notices/ overrides/ rivers/ plugins/
    plan/    safety/ bound/
    health/  verdict/ report/ consensus/ override/
    zone/    monitors/ records_file/ rules/
"""

__version__ = "0.1.0"
