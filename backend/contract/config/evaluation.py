"""How a policy is evaluated."""

from typing import Literal, Self

from pydantic import Field, model_validator

from backend.contract.config.closed import Closed, unit
from backend.contract.config.refusal import refuse


class DecodingSetting(Closed):
    """One way to decode in an evaluation: pass@k at a temperature."""

    k: int = Field(ge=1, le=64)
    """Responses per problem; the problem is solved when any of them is right."""
    temperature: float = Field(gt=0.0, le=5.0)
    """Softmax temperature."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Nucleus probability."""


PAPER_DECODING = (
    DecodingSetting(k=8, temperature=1.0, top_p=1.0),
    DecodingSetting(k=1, temperature=0.6, top_p=1.0),
    DecodingSetting(k=1, temperature=0.01, top_p=0.001),
)


PAPER_REFLECTION_WORDS = (
    "re-check",
    "re-evaluate",
    "re-examine",
    "re-think",
    "recheck",
    "reevaluate",
    "reexamine",
    "reevaluation",
    "rethink",
    "check again",
    "think again",
    "try again",
    "verify",
    "wait",
    "yet",
)
"""The paper's 15 words (section 4.3)."""


class ReflectionConfig(Closed):
    """Which words count as reflection, in training responses and in evaluations."""

    words: tuple[str, ...] = Field(
        default=PAPER_REFLECTION_WORDS,
        min_length=1,
        max_length=64,
        json_schema_extra={"item_max_length": 64},
    )
    """Words or phrases, lower case; each is counted on its own."""
    match: Literal["substring", "word"] = "substring"
    """substring: anywhere in the lower-cased text (the paper's rule); word: between word ends."""

    @model_validator(mode="after")
    def _words_are_distinct(self) -> Self:
        for index, word in enumerate(self.words):
            if not word.strip() or word != word.strip().lower() or len(word) > 64:
                refuse(
                    ("words", index),
                    "a reflection word must be lower case, of 1 to 64 characters and without "
                    f"spaces at its ends; got {word!r}",
                    word,
                )
            if set(word) & set("{},="):
                refuse(
                    ("words", index),
                    "a reflection word must be without braces, commas and equals signs, which "
                    f"part the labels of its metric; got {word!r}",
                    word,
                )
            if word in self.words[:index]:
                refuse(
                    ("words", index),
                    f"reflection words must be distinct; {word!r} is given twice",
                    word,
                )
        return self


class EvaluationSettings(Closed):
    """What is asked of a policy on validation and test."""

    max_response_tokens: int = Field(default=2048, ge=2, le=65536, json_schema_extra=unit("tokens"))
    """Longest response of an evaluation."""
    decoding: tuple[DecodingSetting, ...] = Field(
        default=PAPER_DECODING, min_length=1, max_length=8
    )
    """Decoding settings; the default is the paper's three (high, medium, low)."""
    pass_at: tuple[int, ...] = Field(default=(), max_length=8)
    """The k of unbiased pass@k; empty takes 1, 2, 4, ... up to each setting's responses."""
    permuted_control: bool = False
    """Also evaluate validation with pictures permuted among problems, at step 0 and at the end."""

    @model_validator(mode="after")
    def _settings_are_distinct(self) -> Self:
        names = [(setting.k, setting.temperature) for setting in self.decoding]
        for index, (k, temperature) in enumerate(names):
            if (k, temperature) in names[:index]:
                refuse(
                    ("decoding", index),
                    "decoding settings must differ in k or temperature, by which their results "
                    f"are told apart; k {k} at temperature {temperature:g} is given twice",
                    self.decoding[index].model_dump(),
                )
        return self

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        most = max(setting.k for setting in self.decoding)
        for index, k in enumerate(self.pass_at):
            if not 1 <= k <= most:
                refuse(
                    ("pass_at", index),
                    f"evaluation.pass_at must be between 1 and the most responses per problem of "
                    f"evaluation.decoding ({most}); got {k}",
                    k,
                )
        return self


class EvaluationConfig(EvaluationSettings):
    """How the policy is evaluated on validation and test, before training and every few epochs."""

    every_epochs: int = Field(default=1, ge=1, le=10000, json_schema_extra=unit("epochs"))
    """Epochs between two evaluations; the last step is always evaluated."""
    at_start: bool = True
    """Also evaluate before training; an experiment turns it off where vanilla is evaluated once."""
