"""Retrieval: how well clips and captions find each other, with copies of a caption as right answers."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["retrieval_scores"]


def retrieval_scores(similarities: NDArray[np.floating], identities: NDArray[np.int64]) -> dict[str, float]:
    """Score clips and captions by how early the right answers come.

    Parameters
    ----------
    similarities : ndarray of shape (N, N)
        Row: clip; column: caption; row and column of a number belong together.
    identities : ndarray of shape (N,)
        Numbers that are equal where captions are.

    Returns
    -------
    dict of str to float
        ``recall_at_1``, ``recall_at_5`` (share of queries with a right answer among the first) and
        ``mean_reciprocal_rank``, each the mean of both directions; ``chance_recall_at_1``, the share of right
        answers among all. Ties count against the model, so that equal embeddings score nothing.
    """
    right = identities[:, None] == identities[None, :]
    ranks = np.concatenate([_ranks(similarities, right), _ranks(similarities.T, right.T)])
    return {
        "recall_at_1": float((ranks <= 1).mean()),
        "recall_at_5": float((ranks <= 5).mean()),
        "mean_reciprocal_rank": float((1.0 / ranks).mean()),
        "chance_recall_at_1": float(right.mean()),
    }


def _ranks(similarities: NDArray[np.floating], right: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rank, from 1, of the best right answer of each row."""
    best = np.where(right, similarities, -np.inf).max(axis=1, keepdims=True)
    ahead: NDArray[np.intp] = ((similarities >= best) & ~right).sum(axis=1)
    return ahead + 1
