"""What runs where the training runs: doorbell, runner and the RL loop; needs no web framework."""
