"""Supervised fine-tuning on worked solutions: `train.py` is the loop, sibling of the RL loop."""
