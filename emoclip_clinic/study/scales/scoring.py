"""Scores from items, for each row of ratings; pooling over raters is a separate step that comes later."""

import numpy as np
import pandas as pd

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.scales.model import Scale

__all__ = ["scale_scores"]


def scale_scores(ratings: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Compute every score of a scale for every row of ratings.

    A row is what one rater gave in one session. A score with a missing item is missing, unless the scale
    cites a source for proration: then the mean of the items present stands for each missing one, provided
    that enough are present.

    Parameters
    ----------
    ratings : DataFrame
        One column of numbers for each item of the scale, NaN where missing; further columns are ignored.
    scale : Scale
        The scale.

    Returns
    -------
    DataFrame of shape (n_rows, n_scores)
        Scores in points of the scale, with the index of ``ratings``.

    Raises
    ------
    RatingsError
        If a column is absent or holds other things than numbers.
    """
    absent = [item for item in scale.item_ids if item not in ratings.columns]
    if absent:
        raise RatingsError(
            f"Ratings of {scale.name} must have a column for every item", found=f"no {', '.join(absent)}"
        )
    wrong = [item for item in scale.item_ids if not pd.api.types.is_numeric_dtype(ratings[item])]
    if wrong:
        raise RatingsError(
            "Item columns must hold numbers", found=f"{wrong[0]} of type {ratings[wrong[0]].dtype}"
        )
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for score in scale.scores:
        values = ratings[list(score.items)].to_numpy(dtype=np.float64, na_value=np.nan)
        n_present = np.count_nonzero(~np.isnan(values), axis=1)
        least = len(score.items) if score.proration is None else score.proration.least_items
        total = np.nansum(values, axis=1)
        with np.errstate(invalid="ignore"):  # 0/0 of a row without items; such rows are missing below
            mean = total / n_present
        value = (
            mean
            if score.formula == "mean"
            else np.where(n_present == len(score.items), total, mean * len(score.items))
        )
        columns[score.id] = np.where(n_present >= least, value, np.nan)
    return pd.DataFrame(columns, index=ratings.index, columns=list(scale.score_ids), dtype=np.float64)
