"""Answers to some problems: drawn at every decoding setting, then judged in one call."""

from collections.abc import Sequence
from typing import Any

from backend.contract.config import ReflectionConfig
from backend.contract.datasets import Item
from backend.contract.messages import AnswerRecord
from backend.contract.reflection import count_words
from worker.evaluation.repetition import is_repeating
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.generation.engine import Decoding
from worker.rewards.scoring import Reward, Rollout, score_responses


def answer(
    examiner: Examiner, subject: Subject, items: Sequence[Item], scheme: Scheme, *, rl_step: int
) -> list[AnswerRecord]:
    """Answers setting by setting, problem by problem, sample by sample.

    Judging comes last and all at once, so that hardly anything can come between a verdict and its
    being kept.
    """
    settings = scheme.evaluation.decoding
    decodings = [
        Decoding(
            num_samples=setting.k,
            temperature=setting.temperature,
            top_p=setting.top_p,
            stream=f"{subject.split}/{subject.pictures}/{index}",
        )
        for index, setting in enumerate(settings)
    ]
    results = examiner.engine.generate(
        examiner.encode(items),
        decodings,
        rl_step=rl_step,
        max_tokens=scheme.evaluation.max_response_tokens,
    )
    places = [
        (setting, item, sample)
        for setting in settings
        for item in items
        for sample in range(setting.k)
    ]
    drawn = [
        row
        for responses in results
        for row in zip(
            responses.texts,
            responses.num_tokens.tolist(),
            responses.is_finished.tolist(),
            strict=True,
        )
    ]
    rollouts = [
        Rollout(text=text, answer=item.answer, num_tokens=num_tokens, is_finished=is_finished)
        for (_, item, _), (text, num_tokens, is_finished) in zip(places, drawn, strict=True)
    ]
    rewards = score_responses(examiner.judge, rollouts, scheme.reward)
    return [
        AnswerRecord(
            rl_step=rl_step,
            split=subject.split,
            pictures=subject.pictures,
            k=setting.k,
            temperature=setting.temperature,
            top_p=setting.top_p,
            item_id=item.id,
            sample=sample,
            **_describe(rollout, reward, scheme.reflection),
        )
        for (setting, item, sample), rollout, reward in zip(places, rollouts, rewards, strict=True)
    ]


def _describe(rollout: Rollout, reward: Reward, reflection: ReflectionConfig) -> dict[str, Any]:
    """What a record says of the response itself."""
    verdict = reward.verdict
    return {
        "response": rollout.text,
        "num_response_tokens": rollout.num_tokens,
        "is_truncated": not rollout.is_finished,
        "is_repeating": is_repeating(rollout.text),
        "extracted_answer": verdict.extracted_answer,
        "is_correct": verdict.is_correct,
        "failure": None if verdict.failure is None else str(verdict.failure),
        "reward_parts": reward.parts,
        "reflection": count_words(rollout.text, reflection),
    }
