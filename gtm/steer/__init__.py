"""Candidates, place and beliefs in, outcome out: the chain of filters; pure."""
