"""Reading weight files without executing them. No torch."""
