"""Ratings and predictions of one or several items, with what is missing marked alike in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from emoclip_clinic.agreement.categories import to_categories
from emoclip_clinic.agreement.inputs import Floats, Values, as_matrix, check_index, cluster_codes, is_constant
from emoclip_clinic.agreement.results import CONSTANT, Row, item_frame, to_frame
from emoclip_clinic.errors import AgreementError

__all__ = ["Categories", "ItemPairs"]

Categories = Sequence[float] | Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class ItemPairs:
    """Columns of shape (n, items), NaN wherever any of them is missing; participants without any pair are
    left out.
    """

    rating: Floats
    prediction: Floats
    other: Floats | None
    baseline: Floats | None
    codes: npt.NDArray[np.intp]
    n_clusters: int
    items: tuple[str, ...]
    named: bool
    flag: str

    @classmethod
    def build(
        cls,
        rating: Values | pd.DataFrame,
        prediction: Values | pd.DataFrame,
        *,
        cluster: Values | None = None,
        other: Values | pd.DataFrame | None = None,
        baseline: Values | pd.DataFrame | None = None,
    ) -> "ItemPairs":
        """Check shapes and labels, and mark what is incomplete."""
        given = {"rating": rating, "prediction": prediction, "other": other, "baseline": baseline}
        there = {name: values for name, values in given.items() if values is not None}
        check_index([*there.values(), *([] if cluster is None else [cluster])])
        arrays = {name: as_matrix(values, name) for name, values in there.items()}
        shape = arrays["rating"].shape
        for name, array in arrays.items():
            if array.shape != shape:
                raise AgreementError(
                    "Rating and prediction must have the same shape",
                    found=f"rating {shape}, {name} {array.shape}",
                )
        items = _items(there, shape[1])
        complete = np.logical_and.reduce([np.isfinite(array) for array in arrays.values()])
        infinite = int(sum(np.isinf(array).sum() for array in arrays.values()))
        keep = complete.any(axis=1)
        arrays = {name: np.where(complete, array, np.nan)[keep] for name, array in arrays.items()}
        if cluster is None:
            codes, n_clusters = np.arange(int(keep.sum())), int(keep.sum())
        else:
            codes, n_clusters = cluster_codes(cluster, keep)
        return cls(
            arrays["rating"],
            arrays["prediction"],
            arrays.get("other"),
            arrays.get("baseline"),
            codes,
            n_clusters,
            items,
            isinstance(rating, pd.DataFrame) or np.ndim(rating) == 2,
            f"{infinite} infinite values left out" if infinite else "",
        )

    @property
    def repeated(self) -> bool:
        """Whether some participant has more than one observation."""
        return self.codes.size > self.n_clusters

    @property
    def n_items(self) -> int:
        """Number of columns."""
        return len(self.items)

    def counts(self, item: int) -> tuple[int, int]:
        """Numbers of complete observations and of their participants."""
        there = np.isfinite(self.rating[:, item])
        return int(there.sum()), np.unique(self.codes[there]).size

    def reason(self, item: int) -> str:
        """The likeliest reason why a statistic of the item is not defined."""
        there = np.isfinite(self.rating[:, item])
        if not there.any():
            return "all missing"
        if is_constant(self.rating[there, item]) or is_constant(self.prediction[there, item]):
            return CONSTANT
        if self.other is not None and is_constant(self.other[there, item]):
            return CONSTANT
        return "not defined for these data"

    def rounded(self, prediction: Floats, categories: Categories) -> Floats:
        """Predictions moved to the categories of their item."""
        if not isinstance(categories, Mapping):
            return to_categories(prediction, categories)
        return np.column_stack(
            [
                to_categories(prediction[:, place], self.steps(categories, item))
                for place, item in enumerate(self.items)
            ]
        )

    @staticmethod
    def steps(categories: Categories, item: str) -> Sequence[float]:
        """All steps of one item's scale."""
        if not isinstance(categories, Mapping):
            return categories
        if item not in categories:
            raise AgreementError("Every item needs its categories", found=item, hint="Add it to categories=.")
        return categories[item]

    def frame(self, per_item: Sequence[Sequence[Row]]) -> pd.DataFrame:
        """Compose the frame of each item's rows, with a column of items if there can be several."""
        rows = [row for rows in per_item for row in rows]
        if not self.named:
            return to_frame(rows)
        labels = [item for item, rows in zip(self.items, per_item, strict=True) for _ in rows]
        return item_frame(rows, labels)


def _items(given: Mapping[str, Values | pd.DataFrame], n_items: int) -> tuple[str, ...]:
    """Names of the items, which must agree between frames."""
    frames = {name: values for name, values in given.items() if isinstance(values, pd.DataFrame)}
    names = [tuple(map(str, frame.columns)) for frame in frames.values()]
    for name, columns in zip(frames, names, strict=True):
        if columns != names[0]:
            raise AgreementError(
                "Rating and prediction must have the same columns in the same order",
                found=f"{name} {list(columns)}",
                hint=f"Expected {list(names[0])}.",
            )
    return names[0] if names else tuple(map(str, range(n_items)))
