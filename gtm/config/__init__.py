"""YAML files of any kind: text -> plain values with line and column, typed values, and messages; pure."""
