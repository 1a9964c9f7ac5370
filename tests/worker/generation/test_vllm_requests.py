"""What vLLM is asked; the engine itself is tested where it is installed (`tests/vllm`)."""

from PIL import Image

from worker.generation.vllm_engine import request_of
from worker.tensors.batches import PromptSource


def test_a_picture_is_opened_once_for_a_request():
    opened = []

    def open_picture():
        opened.append(Image.new("RGB", (28, 28)))
        return opened[-1]

    request = request_of(PromptSource(token_ids=(1, 2), open_picture=open_picture))
    assert len(opened) == 1
    assert request == {"prompt_token_ids": [1, 2], "multi_modal_data": {"image": opened[0]}}
    text = request_of(PromptSource(token_ids=(3,), open_picture=None))
    assert text == {"prompt_token_ids": [3]}
