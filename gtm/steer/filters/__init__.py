"""The filters of this package: one file per kind, one signature, one table (gtm/steer/vocabulary.py).

Each file has one function `parse(argument) -> Filter`, which raises ValueError with words for the zone file's author.
"""
