"""butter beside its peers: ``python -m benchmarks [FEATURE...]``."""
