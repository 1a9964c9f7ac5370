"""Figures 4 to 8 in the paper's layout, one block for each model and data set.

Accuracy is drawn over epochs, all else over RL steps. The published curves lie beside where model
and data set match. The paper counts the first training epoch as 0; here it is 1, so that epoch 0
is always the model before training.
"""

from collections.abc import Callable, Sequence

from backend.analysis import keys
from backend.analysis.arms import Cell, ordered
from backend.analysis.panels import (
    Sources,
    accuracy_panel,
    counted_words,
    most_frequent_words,
    training_panel,
)
from backend.analysis.published import published_setting
from backend.analysis.report import Block, Figure, Panel, Spread
from backend.contract.config import PAPER_REFLECTION_WORDS

_RATIO_TITLES = {
    keys.REFLECTION_RATIO: "Reflection ratio",
    keys.REFLECTION_IN_CORRECT: "Reflection in correct answers",
    keys.REFLECTION_IN_INCORRECT: "Reflection in incorrect answers",
    keys.CORRECT_IN_REFLECTION: "Correct ratio with reflection",
    keys.CORRECT_IN_NO_REFLECTION: "Correct ratio without reflection",
}


def build_figures(cells: Sequence[Cell], spread: Spread) -> tuple[Figure, ...]:
    """All five figures; the words of the first data set are figure 7, of the others figure 8."""
    blocks = [
        Sources(cell=cell, published=published_setting(cell.model, cell.dataset), spread=spread)
        for cell in cells
    ]
    datasets = ordered(cell.dataset for cell in cells)
    first = [block for block in blocks if block.cell.dataset in datasets[:1]]
    others = [block for block in blocks if block.cell.dataset in datasets[1:]]
    return (
        _figure(4, "Training accuracy, response length and reflection", blocks, _overview, 3),
        _figure(5, "Accuracy on validation and test", blocks, _accuracies, None),
        _figure(6, "Reflection ratios and response length", blocks, _ratios, 3),
        _figure(7, f"Reflection words in training on {_listed(datasets[:1])}", first, _words, 5),
        _figure(8, f"Reflection words in training on {_listed(datasets[1:])}", others, _words, 5),
    )


def _figure(
    number: int,
    title: str,
    blocks: Sequence[Sources],
    panels_of: Callable[[Sources], tuple[Panel, ...]],
    num_columns: int | None,
) -> Figure:
    return Figure(
        name=f"figure-{number}",
        title=title,
        blocks=tuple(
            Block(
                title=f"{block.cell.model} on {block.cell.dataset}",
                num_columns=num_columns or _num_decodings(block),
                panels=panels_of(block),
            )
            for block in blocks
        ),
    )


def _overview(block: Sources) -> tuple[Panel, ...]:
    ranked = most_frequent_words(block, _all_words(block))
    first, second = ([_word(block, word) for word in part] for part in (ranked[:1], ranked[1:2]))
    return (
        training_panel(block, keys.EPOCH_ACCURACY, "epoch", "Training accuracy", "share"),
        _ratio(block, keys.REFLECTION_RATIO),
        *first,
        _response_length(block),
        _ratio(block, keys.CORRECT_IN_REFLECTION),
        *second,
    )


def _accuracies(block: Sources) -> tuple[Panel, ...]:
    return tuple(accuracy_panel(block, decoded) for decoded in block.cell.decodings)


def _ratios(block: Sources) -> tuple[Panel, ...]:
    return (*(_ratio(block, key) for key in _RATIO_TITLES), _response_length(block))


def _words(block: Sources) -> tuple[Panel, ...]:
    return tuple(_word(block, word) for word in _all_words(block))


def _all_words(block: Sources) -> list[str]:
    """The paper's words in its order, then the experiment's own; its own list where it has one."""
    counted = counted_words(block)
    if not counted:
        return list(PAPER_REFLECTION_WORDS)
    own = [word for word in counted if word not in PAPER_REFLECTION_WORDS]
    return [*(word for word in PAPER_REFLECTION_WORDS if word in counted), *own]


def _ratio(block: Sources, key: str) -> Panel:
    return training_panel(block, key, "RL step", _RATIO_TITLES[key], "share")


def _response_length(block: Sources) -> Panel:
    return training_panel(block, keys.RESPONSE_LENGTH, "RL step", "Response length", "tokens")


def _word(block: Sources, word: str) -> Panel:
    return training_panel(block, keys.word_key(word), "RL step", f"“{word}”", "count")


def _num_decodings(block: Sources) -> int:
    """Decoding settings: each is a column, each split a row."""
    return max(1, len({(d.k, d.temperature) for d in block.cell.decodings}))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no further data set"
