"""YAML files with positions: text in, plain values out that know their line and column; pure."""
