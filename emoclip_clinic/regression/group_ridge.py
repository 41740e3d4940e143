"""A scikit-learn estimator: ridge regression with alpha chosen by leaving participants out."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import Tags, check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.checks import MIN_PARTICIPANTS, check_targets, without_mask
from emoclip_clinic.regression.nested import rating_patterns
from emoclip_clinic.regression.nested_design import DEFAULT_ALPHAS, Inner, make_design
from emoclip_clinic.regression.nested_ridge import NestedRidge
from emoclip_clinic.regression.ridge_core import centre_known, linear_predictions
from emoclip_clinic.regression.splits import Groups

__all__ = ["GroupRidgeCV"]


class GroupRidgeCV(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression whose penalty is chosen by cross-validation over participants.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Penalties to choose from; by default 0.1 to 1,000,000 in half decades.
    inner : "auto", "participant", or int
        Leave-one-participant-out or a number of grouped folds. "auto" is leave-one-participant-out for up to
        150 participants and 10 folds above.
    standardize : bool
        Divide each feature by its population SD in each training set.
    seed : int
        Seed of grouped folds.
    fill_missing : bool
        Whether NaN in X is a missing value, to be filled with the weighted mean of the training rows that
        have one, in each training set. By default NaN is refused.
    relative_weight : bool
        Whether sample weights are scaled to a mean of 1 in each training set, so that only their ratios
        matter. By default their sum counts, as in scikit-learn's ``Ridge``.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Coefficients in the units of X.
    intercept_ : float or ndarray of shape (n_targets,)
    alpha_ : float or ndarray of shape (n_targets,)
        The chosen penalty of each target.
    fill_ : ndarray, shaped as `coef_`
        What a missing value is filled with; only if `fill_missing` is on.
    alphas_ : ndarray of shape (n_alphas,)
        The penalties tried, ascending.
    inner_errors_ : ndarray of shape (n_alphas,) or (n_alphas, n_targets)
        Weighted mean squared error pooled over the inner folds; NaN if there is one penalty only.
    inner_ : str
        The inner split in words.
    n_features_in_ : int

    Notes
    -----
    ``groups`` is requested by `fit` from scikit-learn's metadata routing without further calls, so that
    ``cross_validate(model, X, y, params={"groups": participant_id}, cv=GroupKFold())`` works once routing is
    enabled. Missing ratings (NaN in y) leave the training sets of their target only.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((12, 4))
    >>> model = GroupRidgeCV(alphas=[1.0, 10.0]).fit(X, X[:, 0], groups=np.repeat(np.arange(6), 2))
    >>> model.alpha_
    1.0
    """

    __metadata_request__fit: ClassVar[dict[str, bool]] = {"groups": True}

    def __init__(
        self,
        alphas: ArrayLike = DEFAULT_ALPHAS,
        *,
        inner: Inner = "auto",
        standardize: bool = True,
        seed: int = 0,
        fill_missing: bool = False,
        relative_weight: bool = False,
    ) -> None:
        self.alphas = alphas
        self.inner = inner
        self.standardize = standardize
        self.seed = seed
        self.fill_missing = fill_missing
        self.relative_weight = relative_weight

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        groups: Groups | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Choose alpha for each target and fit all rows with it.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            NaN where a rating is missing.
        groups : sequence of shape (n_rows,)
            Participant of each row.
        sample_weight : array-like of shape (n_rows,), optional

        Returns
        -------
        GroupRidgeCV
            Itself.

        Raises
        ------
        RegressionError
            If groups are absent or have fewer than three participants, in a target too, or weights are not
            usable.
        ValueError
            If X or y is not what scikit-learn accepts.
        """
        X, y = without_mask(X), without_mask(y)  # scikit-learn would read what lies under a mask
        features = np.asarray(
            validate_data(
                self,
                X,
                dtype=(np.float64, np.float32),
                ensure_min_samples=MIN_PARTICIPANTS,
                ensure_all_finite=self._finite(),
            )
        )
        if y is None:
            raise ValueError("This estimator requires y to be passed, but the target y is None")
        y = check_array(y, ensure_2d=False, dtype="numeric", ensure_all_finite="allow-nan", input_name="y")
        check_consistent_length(features, y)
        if groups is None:
            raise RegressionError(
                "groups must name the participant of every row",
                found="None",
                hint="Pass groups=participant_id to fit, or as metadata to the function that calls it.",
            )
        design = make_design(
            features,
            groups,
            alphas=self.alphas,
            sample_weight=sample_weight,
            standardize=self.standardize,
            outer=None,
            inner=self.inner,
            strata=None,
            seed=self.seed,
            fill_missing=self.fill_missing,
            relative_weight=self.relative_weight,
        )
        table = check_targets(y, len(features))
        patterns, too_few = rating_patterns(table, design.weight, design.codes)
        if too_few.size:
            raise RegressionError(
                f"A target must be rated in at least {MIN_PARTICIPANTS} participants (of weight above zero)",
                found=f"fewer in columns {too_few.tolist()}",
            )
        n_targets = table.shape[1]
        coef, intercept = np.empty((n_targets, design.X.shape[1])), np.empty(n_targets)
        fill = np.zeros(coef.shape)
        alpha, errors = np.empty(n_targets), np.empty((len(design.alphas), n_targets))
        for mask, targets in patterns:
            ridge = NestedRidge(design, mask)
            values = np.where(mask[:, None], table[:, targets], 0.0)
            inner_errors, index = ridge.select(values)
            errors[:, targets] = inner_errors[0]
            alpha[targets] = design.alphas[index[0]]
            coef[targets], intercept[targets] = ridge.coefficients(values, index[0])
            if design.missing is not None:
                rows = ridge.train[0]
                known = ~design.missing[rows]
                fill[targets] = centre_known(design.X[rows].astype(np.float64), known, design.weight[rows])[1]
        single = np.ndim(y) == 1
        self.coef_ = coef[0] if single else coef
        self.intercept_ = float(intercept[0]) if single else intercept
        self.alpha_ = float(alpha[0]) if single else alpha
        self.inner_errors_ = errors[:, 0] if single else errors
        if self.fill_missing:
            self.fill_ = fill[0] if single else fill
        self.alphas_ = design.alphas
        self.inner_ = design.inner
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict ratings.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
        """
        check_is_fitted(self)
        features = np.asarray(
            validate_data(
                self,
                without_mask(X),
                dtype=(np.float64, np.float32),
                reset=False,
                ensure_all_finite=self._finite(),
            )
        )
        fill = self.fill_ if self.fill_missing else None
        return linear_predictions(features, self.coef_, self.intercept_, fill=fill)

    def _finite(self) -> bool | str:
        """What scikit-learn's check is told about NaN."""
        return "allow-nan" if self.fill_missing else True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = bool(self.fill_missing)
        return tags
