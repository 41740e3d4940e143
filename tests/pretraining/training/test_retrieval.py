"""Retrieval scores: a transcription, and what they are where nothing or everything is known."""

import numpy as np
import pytest

from emoclip_clinic.pretraining.training import retrieval_scores


def naive(similarities: np.ndarray, identities: list[int]) -> dict[str, float]:
    ranks = []
    for table in (similarities, similarities.T):
        for i, row in enumerate(table):
            best = max(value for value, other in zip(row, identities, strict=True) if other == identities[i])
            wrong = [v for v, other in zip(row, identities, strict=True) if other != identities[i]]
            ranks.append(1 + sum(value >= best for value in wrong))
    return {
        "recall_at_1": sum(rank == 1 for rank in ranks) / len(ranks),
        "recall_at_5": sum(rank <= 5 for rank in ranks) / len(ranks),
        "mean_reciprocal_rank": sum(1 / rank for rank in ranks) / len(ranks),
    }


def test_it_is_what_its_definition_says() -> None:
    rng = np.random.default_rng(0)
    identities = rng.integers(0, 12, 30)
    similarities = rng.normal(size=(30, 30)) + 2 * (identities[:, None] == identities[None, :])
    found = retrieval_scores(similarities, identities)
    for name, value in naive(similarities, identities.tolist()).items():
        assert found[name] == pytest.approx(value)


def test_all_known_is_one_and_nothing_known_is_not_rewarded() -> None:
    assert retrieval_scores(np.eye(9), np.arange(9))["mean_reciprocal_rank"] == 1
    flat = retrieval_scores(np.zeros((9, 9)), np.arange(9))
    assert flat["recall_at_1"] == 0
    assert flat["mean_reciprocal_rank"] == pytest.approx(1 / 9)
    assert flat["chance_recall_at_1"] == pytest.approx(1 / 9)
    assert retrieval_scores(np.zeros((4, 4)), np.zeros(4, int))["chance_recall_at_1"] == 1
