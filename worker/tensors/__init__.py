"""Pure functions and records on tensors, without models, devices or files."""
