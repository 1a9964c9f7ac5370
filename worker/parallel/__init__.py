"""Several devices that train one policy: who does which rows, and what they tell each other."""
