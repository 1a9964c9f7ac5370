"""Benchmarks: ratios and delays measured side by side in one run (`make bench`)."""
