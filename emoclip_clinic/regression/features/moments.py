"""Aggregations that do not look at the order of segments: mean, standard deviation, quantiles."""

from __future__ import annotations

import numpy as np

from emoclip_clinic.regression.features.registry import Features, register_aggregation
from emoclip_clinic.regression.features.segments import SessionSegments

__all__ = ["QUANTILES", "coverage_weighted", "mean", "quantiles", "std"]

QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90)


@register_aggregation("mean")
def mean(session: SessionSegments) -> Features:
    """Mean of each dimension over the segments: ``mean_e000`` onwards."""
    return {"mean": session.embeddings.mean(axis=0, dtype=np.float64)}


@register_aggregation("std")
def std(session: SessionSegments) -> Features:
    """Sample standard deviation (n - 1) over the segments: ``std_e000`` onwards; NaN for one segment.

    The denominator keeps short and long sessions comparable. Segments that overlap or follow each other are
    alike, so that a short session still comes out less variable than it is.
    """
    if len(session.embeddings) < 2:
        return {"std": np.full(session.embeddings.shape[1], np.nan)}
    return {"std": session.embeddings.std(axis=0, ddof=1, dtype=np.float64)}


@register_aggregation("quantiles")
def quantiles(session: SessionSegments) -> Features:
    """Quantiles (10, 25, 50, 75, 90 %) of each dimension, linearly interpolated: ``q10_e000`` onwards."""
    values = np.quantile(session.embeddings.astype(np.float64), QUANTILES, axis=0)
    return {f"q{round(100 * q)}": row for q, row in zip(QUANTILES, values, strict=True)}


@register_aggregation("coverage-weighted")
def coverage_weighted(session: SessionSegments) -> Features:
    """Mean weighted by how much of each segment shows the face: ``weighted_mean_e000`` onwards."""
    return {"weighted_mean": np.average(session.embeddings, axis=0, weights=session.coverage)}
