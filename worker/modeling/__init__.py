"""The policy: loading, freezing, forward passes, checkpoints."""
