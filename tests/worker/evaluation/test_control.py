"""The permuted-picture control."""

from backend.contract.datasets import Item
from worker.evaluation.control import permute_pictures


def problems() -> list[Item]:
    return [
        Item(
            id=str(index),
            row=index + 1,
            question=f"q{index}",
            answer=str(index),
            image=None if index == 5 else f"{index:064x}",
            category="a" if index % 2 else "b",
        )
        for index in range(12)
    ]


def test_every_problem_gets_another_picture_of_its_category():
    items = problems()
    permuted = permute_pictures(items)
    assert [item.question for item in permuted] == [item.question for item in items]
    for before, after in zip(items, permuted, strict=True):
        if before.image is None:
            assert after.image is None
        else:
            assert after.image != before.image
            assert after.image is not None
            assert items[int(after.image, 16)].category == before.category


def test_every_picture_is_used_once_and_the_order_is_always_the_same():
    items = problems()
    images = sorted(item.image or "" for item in items)
    assert sorted(item.image or "" for item in permute_pictures(items)) == images
    assert permute_pictures(items) == permute_pictures(items)
