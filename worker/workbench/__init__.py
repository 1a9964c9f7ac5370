"""The means to see real RL learning without a GPU and without downloads.

File map: `scenes` (what is in a picture), `drawing` (its pixels), `problems` (questions and
answers), `responses` (how the base model talks), `datasets` (the published folders), `corpus`
(examples as tensors), `tokenizer` and `model` (a small Qwen2.5-VL), `pretraining` (the base).
"""
