"""The evaluation scheme: pass@k at the paper's decoding settings."""
