"""Lets torchvision's published build be imported beside a CPU build of torch.

That build's operators link against CUDA and do not load here, and its Python code then fails on
operators that are not declared. vLLM needs only transforms written in Python. `make test-vllm` puts
this folder on PYTHONPATH, so that the processes that vLLM starts find it as well.
"""

import sys


class DeclareOperators:
    """Declares torchvision's missing operators just before it is first imported."""

    def find_spec(self, name, path=None, target=None):
        del path, target
        if name == "torchvision":
            import torch

            self.library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in ("nms", "qnms"):
                self.library.define(
                    f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        return None


sys.meta_path.insert(0, DeclareOperators())
