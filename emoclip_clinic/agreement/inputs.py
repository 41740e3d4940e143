"""Check the arrays and tables that callers hand in, and keep what is complete."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.results import CONSTANT, join_flags
from emoclip_clinic.errors import AgreementError

__all__ = [
    "Floats",
    "Pairs",
    "Values",
    "as_matrix",
    "check_confidence",
    "check_index",
    "cluster_codes",
    "is_constant",
    "pairs",
    "rater_matrix",
]

Floats = npt.NDArray[np.float64]
Values = npt.ArrayLike | pd.Series


@dataclass(frozen=True)
class Pairs:
    """Complete pairs: rating, prediction and further columns of shape (n,), cluster codes 0..n_clusters-1."""

    rating: Floats
    prediction: Floats
    extra: tuple[Floats, ...]
    cluster: npt.NDArray[np.intp]
    n_clusters: int
    flag: str

    @property
    def n(self) -> int:
        """Number of complete pairs."""
        return self.rating.size

    @property
    def repeated(self) -> bool:
        """Whether some cluster has more than one observation."""
        return self.n > self.n_clusters

    @property
    def constant(self) -> str:
        """The flag of a constant rating or prediction, empty if both vary."""
        if self.n and (is_constant(self.rating) or is_constant(self.prediction)):
            return CONSTANT
        return ""

    def too_few(self, minimum: int) -> str:
        """The reason why fewer than ``minimum`` observations allow no estimate, empty if there are enough."""
        if self.n == 0:
            return "all missing"
        return f"fewer than {minimum} observations" if self.n < minimum else ""


def is_constant(values: Floats) -> bool:
    """Whether all values are equal, which a variance computed in floating point does not tell."""
    return bool(values.size) and bool(np.ptp(values) == 0)


def check_confidence(confidence: float) -> None:
    """Refuse a confidence level outside (0, 1)."""
    if not 0 < confidence < 1:
        raise AgreementError(
            "The confidence level must lie between 0 and 1",
            found=confidence,
            hint="Write 0.95 for 95 percent.",
        )


def pairs(
    rating: Values,
    prediction: Values,
    *,
    cluster: Values | None = None,
    extra: Sequence[Values] = (),
    confidence: float = 0.95,
) -> Pairs:
    """Keep the observations at which rating, prediction and every extra column are finite."""
    check_confidence(confidence)
    named = {"rating": rating, "prediction": prediction}
    named |= {f"further column {i + 1}": column for i, column in enumerate(extra)}
    check_index([*named.values(), *([] if cluster is None else [cluster])])
    columns = [_vector(column, name) for name, column in named.items()]
    n = columns[0].size
    for (name, _), column in zip(named.items(), columns, strict=True):
        if column.size != n:
            raise AgreementError(
                "Rating and prediction must have the same length",
                found=f"rating {n}, {name} {column.size}",
                hint="Give one value per session; NaN where one is missing.",
            )
    infinite = int(sum(np.isinf(column).sum() for column in columns))
    keep = np.logical_and.reduce([np.isfinite(column) for column in columns])
    kept = [column[keep] for column in columns]
    if cluster is None:
        codes, n_clusters = np.arange(kept[0].size), kept[0].size
    else:
        codes, n_clusters = cluster_codes(cluster, keep)
    flag = f"{infinite} infinite values left out" if infinite else ""
    return Pairs(kept[0], kept[1], tuple(kept[2:]), codes, n_clusters, flag)


def cluster_codes(cluster: Values, keep: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], int]:
    """Number the clusters of the kept observations in order of appearance."""
    labels = pd.Series(np.asarray(cluster, dtype=object))
    if labels.size != keep.size:
        raise AgreementError(
            "There must be one cluster label per observation",
            found=f"{labels.size} labels, {keep.size} observations",
        )
    if labels.isna().any():
        raise AgreementError(
            "Every observation needs a cluster label",
            found=f"{int(labels.isna().sum())} missing",
            hint="Leave out observations whose participant is unknown.",
        )
    codes, found = pd.factorize(labels[keep])
    return codes, len(found)


def rater_matrix(table: pd.DataFrame | npt.ArrayLike) -> tuple[Floats, str]:
    """Return subjects x raters as floats, infinite values as NaN, and the flag that says so."""
    matrix = as_matrix(table, "table of subjects x raters")
    infinite = int(np.isinf(matrix).sum())
    if infinite:
        matrix = np.where(np.isinf(matrix), np.nan, matrix)
    constant = any(is_constant(column[~np.isnan(column)]) for column in matrix.T)
    return matrix, join_flags(
        f"{infinite} infinite values left out" if infinite else "",
        CONSTANT if constant and matrix.shape[0] > 1 else "",
    )


def as_matrix(values: pd.DataFrame | Values, name: str) -> Floats:
    """Return a two-dimensional float array; one dimension becomes one column."""
    try:
        if isinstance(values, pd.DataFrame | pd.Series):
            array = values.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AgreementError(
            "Values must be numbers", found=str(error), where=name, hint="Leave out columns that hold text."
        ) from error
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise AgreementError(
            "Values must have one or two dimensions", found=f"shape {array.shape}", where=name
        )
    return array


def _vector(values: Values, name: str) -> Floats:
    matrix = as_matrix(values, name)
    if matrix.shape[1] != 1:
        raise AgreementError("Values must have one dimension", found=f"shape {matrix.shape}", where=name)
    return matrix[:, 0]


def check_index(columns: Sequence[Values | pd.DataFrame]) -> None:
    """Refuse Series whose rows are labelled differently: pairing them by position would be silently wrong."""
    series = [column for column in columns if isinstance(column, pd.Series | pd.DataFrame)]
    for other in series[1:]:
        if len(other) == len(series[0]) and not other.index.equals(series[0].index):
            raise AgreementError(
                "Series that belong together must have the same index",
                found=f"{list(series[0].index[:3])} and {list(other.index[:3])} ...",
                hint="Align them first, or pass arrays.",
            )
