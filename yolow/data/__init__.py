"""Data-set YAML, data check, fingerprint and the private view for training. No torch."""
