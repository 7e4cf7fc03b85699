"""References, versions, aliases, lineage and integrity of weights. No torch."""
