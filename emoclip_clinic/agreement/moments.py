"""Statistics of pairs that follow from sums over participants, for many resamples and items at once."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy import special

from emoclip_clinic.agreement.inputs import Floats
from emoclip_clinic.agreement.resampling import group_sums

__all__ = ["MOMENT_STATISTICS", "MomentSums", "Totals"]

# Totals of a resample by name, each of shape (resamples, items); x is the rating, y the prediction, e = y -
# x.
Totals = Mapping[str, Floats]

# A sum of squares about the mean below this share of the raw sum of squares is rounding, not variance.
_ZERO = 1e-12


class MomentSums:
    """Per-participant sums of every item, from which any resample's totals are one matrix product.

    Parameters
    ----------
    rating, prediction : ndarray of shape (n, items)
        NaN where missing.
    codes : ndarray of int, shape (n,)
        Cluster of each observation, 0..n_clusters-1.
    n_clusters : int
        Number of clusters.
    rounded : ndarray of shape (n, items), optional
        Predictions moved to the categories of the scale.
    baseline : ndarray of shape (n, items), optional
        Predictions of the mean predictor.
    within : float
        Largest absolute error that counts as agreement, in points.
    """

    def __init__(
        self,
        rating: Floats,
        prediction: Floats,
        *,
        codes: npt.NDArray[np.intp],
        n_clusters: int,
        rounded: Floats | None,
        baseline: Floats | None,
        within: float,
    ) -> None:
        present = np.isfinite(rating) & np.isfinite(prediction)
        self._shift = {"x": _middle_value(rating, present), "y": _middle_value(prediction, present)}
        x = np.where(present, rating - self._shift["x"], 0.0)
        y = np.where(present, prediction - self._shift["y"], 0.0)
        e = np.where(present, prediction - rating, 0.0)
        features = {"n": present.astype(np.float64), "x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y}
        features |= {"e": e, "ee": e * e, "abs_e": np.abs(e), "close": present * (np.abs(e) <= within)}
        if baseline is not None:
            features["ee_base"] = np.where(present, baseline - rating, 0.0) ** 2
        if rounded is not None:
            r = np.where(present, rounded - self._shift["x"], 0.0)
            e_r = np.where(present, rounded - rating, 0.0)
            features |= {
                "r": r,
                "rr": r * r,
                "xr": x * r,
                "e_r": e_r,
                "close_r": present * (np.abs(e_r) <= within),
            }
        sums = {name: group_sums(feature, codes, n_clusters) for name, feature in features.items()}

        size = sums["n"]
        divisor = np.where(size > 0, size, 1.0)
        mean_x, mean_y = sums["x"] / divisor, sums["y"] / divisor
        dx = np.where(present, x - mean_x[codes], 0.0)
        dy = np.where(present, y - mean_y[codes], 0.0)
        sums |= {
            "clusters": (size > 0).astype(np.float64),
            "within_xx": group_sums(dx * dx, codes, n_clusters),
            "within_yy": group_sums(dy * dy, codes, n_clusters),
            "within_xy": group_sums(dx * dy, codes, n_clusters),
            "mean_x": mean_x,
            "mean_y": mean_y,
            "mean_xx": mean_x**2,
            "mean_yy": mean_y**2,
            "mean_xy": mean_x * mean_y,
            "between_e": sums["e"] ** 2 / divisor,
            "size2": size**2,
        }
        self._names = tuple(sums)
        self._sums = np.concatenate([sums[name] for name in self._names], axis=1)
        self.width = self._sums.shape[1]

    def totals(self, weights: Floats) -> Totals:
        """Return the totals of resamples with cluster weights of shape (resamples, n_clusters)."""
        raw = (weights @ self._sums).reshape(weights.shape[0], len(self._names), -1)
        t = {name: raw[:, i] for i, name in enumerate(self._names)}
        n, clusters = t["n"], t["clusters"]
        with np.errstate(divide="ignore", invalid="ignore"):
            t["bias"] = t["e"] / n
            t["centre_x"] = t["x"] / n + self._shift["x"]
            t["centre_y"] = t["y"] / n + self._shift["y"]
            t["xx"] = _about_mean(t["xx"], t["x"], n)
            t["yy"] = _about_mean(t["yy"], t["y"], n)
            t["mean_xx"] = _about_mean(t["mean_xx"], t["mean_x"], clusters)
            t["mean_yy"] = _about_mean(t["mean_yy"], t["mean_y"], clusters)
            t["mean_xy"] = t["mean_xy"] - t["mean_x"] * t["mean_y"] / clusters
            t["xy"] = t["xy"] - t["x"] * t["y"] / n
            t["dd"] = _about_mean(t["ee"], t["e"], n)
            if "r" in t:
                t["xr"] = t["xr"] - t["x"] * t["r"] / n
                t["rr"] = _about_mean(t["rr"], t["r"], n)
        return t


def _middle_value(values: Floats, present: npt.NDArray[np.bool_]) -> Floats:
    """A value that occurs in each column: sums of shifted integers are exact and cancellation is harmless."""
    middle = np.zeros(values.shape[1])
    for item in range(values.shape[1]):
        there = np.sort(values[present[:, item], item])
        if there.size:
            middle[item] = there[there.size // 2]
    return middle


def _about_mean(squares: Floats, total: Floats, n: Floats) -> Floats:
    """Sum of squares about the mean, exactly zero where only rounding is left."""
    about = squares - total**2 / n
    return np.where(about <= _ZERO * squares, np.where(np.isnan(about), np.nan, 0.0), about)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient that is NaN where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _correlation(xy: Floats, xx: Floats, yy: Floats, n: Floats, minimum: int) -> Floats:
    r = np.clip(_ratio(xy, np.sqrt(xx * yy)), -1.0, 1.0)
    return np.where(n >= minimum, r, np.nan)


def _concordance(xy: Floats, xx: Floats, yy: Floats, squares: Floats) -> Floats:
    """2 s_xy / (s_xx + s_yy + n bias**2): CCC, and quadratic weighted kappa on categories."""
    flat = (xx == 0) | (yy == 0)
    return np.where(squares > 0, _ratio(np.where(flat, 0.0, 2 * xy), squares), np.nan)


def _ccc(t: Totals) -> Floats:
    value = _concordance(t["xy"], t["xx"], t["yy"], t["xx"] + t["yy"] + t["n"] * t["bias"] ** 2)
    return np.where(t["n"] >= 2, value, np.nan)


def _quadratic_kappa(t: Totals) -> Floats:
    bias = t["e_r"] / t["n"]
    return _concordance(t["xr"], t["xx"], t["rr"], t["xx"] + t["rr"] + t["n"] * bias**2)


def _mean_squares(t: Totals) -> tuple[Floats, Floats, Floats, Floats]:
    """Between, within, residual and column mean squares of the two columns rating and prediction."""
    n = t["n"]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (t["xx"] + t["yy"] + 2 * t["xy"]) / 2 / (n - 1)
        residual = t["dd"] / 2 / (n - 1)
        within = t["ee"] / 2 / n
        column = n * t["bias"] ** 2 / 2
    flat = (t["xx"] == 0) | (t["yy"] == 0)
    return between, within, np.where(flat, between, residual), column


def _icc_1(t: Totals) -> Floats:
    between, within, _, _ = _mean_squares(t)
    return np.where(t["n"] >= 2, _ratio(between - within, between + within), np.nan)


def _icc_a1(t: Totals) -> Floats:
    between, _, residual, column = _mean_squares(t)
    with np.errstate(divide="ignore", invalid="ignore"):
        denominator = between + residual + 2 * (column - residual) / t["n"]
        value = np.where(denominator != 0, (between - residual) / denominator, np.nan)
    return np.where(t["n"] >= 2, value, np.nan)


def _icc_c1(t: Totals) -> Floats:
    between, _, residual, _ = _mean_squares(t)
    return np.where(t["n"] >= 2, _ratio(between - residual, between + residual), np.nan)


def _sd_of_differences(t: Totals) -> Floats:
    """Root of the total variance of differences: ANOVA components where clusters repeat, else plain."""
    n, clusters = t["n"], t["clusters"]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_square_between = np.maximum(t["between_e"] - n * t["bias"] ** 2, 0.0) / (clusters - 1)
        squares_within = np.maximum(t["ee"] - t["between_e"], 0.0)
        mean_square_within = np.where(n > clusters, squares_within / (n - clusters), 0.0)
        size = (n**2 - t["size2"]) / ((clusters - 1) * n)
        between = np.maximum((mean_square_between - mean_square_within) / size, 0.0)
        return np.where(clusters >= 2, np.sqrt(between + mean_square_within), np.nan)


def _proportional_bias(t: Totals, *, standardised: bool) -> Floats:
    """Slope (or correlation) of the difference on the mean of prediction and rating."""
    covariance = (t["yy"] - t["xx"]) / 2
    spread = (t["xx"] + t["yy"] + 2 * t["xy"]) / 4
    spread = np.where(spread <= _ZERO * (t["xx"] + t["yy"]), 0.0, spread)
    value = _ratio(covariance, np.sqrt(spread * t["dd"])) if standardised else _ratio(covariance, spread)
    return np.where(t["n"] >= 3, np.clip(value, -1, 1) if standardised else value, np.nan)


_Z95 = float(special.ndtri(0.975))

MOMENT_STATISTICS: Mapping[str, Callable[[Totals], Floats]] = {
    "Pearson r": lambda t: _correlation(t["xy"], t["xx"], t["yy"], t["n"], 3),
    "CCC": _ccc,
    "ICC(1)": _icc_1,
    "ICC(A,1)": _icc_a1,
    "ICC(C,1)": _icc_c1,
    "bias": lambda t: t["bias"],
    "SD of differences": _sd_of_differences,
    "lower limit of agreement": lambda t: t["bias"] - _Z95 * _sd_of_differences(t),
    "upper limit of agreement": lambda t: t["bias"] + _Z95 * _sd_of_differences(t),
    "proportional bias: slope of difference on mean": lambda t: _proportional_bias(t, standardised=False),
    "proportional bias: r of difference and mean": lambda t: _proportional_bias(t, standardised=True),
    "MAE": lambda t: _ratio(t["abs_e"], t["n"]),
    "RMSE": lambda t: np.sqrt(_ratio(t["ee"], t["n"])),
    "R2": lambda t: 1 - _ratio(t["ee"], t["xx"]),
    "share within": lambda t: _ratio(t["close"], t["n"]),
    "share within, rounded": lambda t: _ratio(t["close_r"], t["n"]),
    "skill": lambda t: 1 - _ratio(t["ee"], t["ee_base"]),
    "calibration slope": lambda t: np.where(t["n"] >= 3, _ratio(t["xy"], t["yy"]), np.nan),
    "calibration intercept": lambda t: np.where(
        t["n"] >= 3, t["centre_x"] - _ratio(t["xy"], t["yy"]) * t["centre_y"], np.nan
    ),
    "calibration-in-the-large": lambda t: -t["bias"],
    "quadratic weighted kappa": _quadratic_kappa,
    "repeated-measures r": lambda t: _correlation(
        t["within_xy"], t["within_xx"], t["within_yy"], t["n"] - t["clusters"], 2
    ),
    "Pearson r of participant means": lambda t: _correlation(
        t["mean_xy"], t["mean_xx"], t["mean_yy"], t["clusters"], 3
    ),
}
