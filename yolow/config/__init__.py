"""Strict YAML, run-config types, loading and overriding."""
