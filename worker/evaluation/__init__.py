"""How good the policy is on problems that it is not trained on."""
