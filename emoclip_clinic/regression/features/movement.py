"""How the embedding moves over the session, as four named numbers that a clinician can read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression.features.registry import Features, register_aggregation
from emoclip_clinic.regression.features.segments import SessionSegments

__all__ = ["dynamics", "next_apart"]


@register_aggregation("dynamics")
def dynamics(session: SessionSegments) -> Features:
    r"""Movement of the embedding over time: how fast, how unevenly, how far, and how steadily.

    Parameters
    ----------
    session : SessionSegments
        Its segments; a segment is compared with the next one that shares no frame with it (see
        :func:`next_apart`).

    Returns
    -------
    dict of str to float
        ``speed_mean`` and ``speed_sd`` (per second), ``spread`` (in units of the embedding) and
        ``autocorrelation`` (-1 to 1). NaN where not defined: speed without two such segments, its SD without
        three, autocorrelation also where the embedding does not move at all.

    Notes
    -----
    With embeddings :math:`e_i` at starts :math:`t_i`, mean :math:`\bar e`, and pairs :math:`(i, j)` of a
    segment and the next one apart:

    * speed of a pair: :math:`\lVert e_j - e_i \rVert / (t_j - t_i)`; ``speed_mean`` is its mean over pairs,
      ``speed_sd`` its sample SD (n - 1);
    * ``spread``: :math:`\sqrt{\sum_i \lVert e_i - \bar e \rVert^2 / n}`;
    * ``autocorrelation``: the mean over pairs of :math:`(e_i - \bar e) \cdot (e_j - \bar e)`, over
      ``spread`` squared.

    Neighbouring segments usually share half of their frames. Comparing them would measure the overlap, so
    the lag is the shortest one without.
    """
    values = session.embeddings.astype(np.float64)
    first, second = next_apart(session)
    centred = values - values.mean(axis=0)
    square = float(np.einsum("ij,ij->", centred, centred)) / len(values)
    steps_s = session.t_start_s[second] - session.t_start_s[first]
    speeds = np.linalg.norm(values[second] - values[first], axis=1) / steps_s
    # A face that is not moving differs from its own mean by rounding only.
    moves = square > np.finfo(np.float32).eps ** 2 * float(np.einsum("ij,ij->", values, values)) / len(values)
    products = np.einsum("ij,ij->i", centred[first], centred[second])
    return {
        "speed_mean": float(speeds.mean()) if len(speeds) else np.nan,
        "speed_sd": float(speeds.std(ddof=1)) if len(speeds) > 1 else np.nan,
        "spread": float(np.sqrt(square)),
        "autocorrelation": float(products.mean() / square) if len(products) and moves else np.nan,
    }


def next_apart(session: SessionSegments) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair each segment with the next one of its recording that shares no frame with it.

    Parameters
    ----------
    session : SessionSegments
        Its segments. Where the next one was rejected there is no pair: a pair never spans a gap.

    Returns
    -------
    first, second : ndarray of shape (n_pairs,)
        Positions in the session.
    """
    first: list[NDArray[np.intp]] = []
    second: list[NDArray[np.intp]] = []
    for recording in np.unique(session.recording):
        own = np.flatnonzero(session.recording == recording)
        number, start, end = session.number[own], session.t_start_s[own], session.t_end_s[own]
        if len(own) < 2:
            continue
        step_s = (start[-1] - start[0]) / (number[-1] - number[0])
        lag = max(1, int(np.ceil((end[0] - start[0]) / step_s - 1e-6)))
        _, here, there = np.intersect1d(number, number - lag, assume_unique=True, return_indices=True)
        first.append(own[here])
        second.append(own[there])
    empty = np.empty(0, dtype=np.intp)
    return np.concatenate([empty, *first]), np.concatenate([empty, *second])
