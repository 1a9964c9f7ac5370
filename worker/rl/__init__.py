"""The paper's RL loop: `train.py` is the loop, one module for each of its four steps."""
