"""The plain nested loop with scikit-learn: slow, and so short that one can see that it is right."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

Array = NDArray[np.float64]
TIE = 1e-12


def pipeline(X: Array, Y: Array, weight: Array, alpha: float, *, standardize: bool = True) -> Pipeline:
    ridge = Ridge(alpha=alpha)
    if not standardize:
        return make_pipeline(ridge).fit(X, Y, ridge__sample_weight=weight)
    model = make_pipeline(StandardScaler(), ridge)
    return model.fit(X, Y, standardscaler__sample_weight=weight, ridge__sample_weight=weight)


def choose_alpha(errors: Array, alphas: Array) -> float:
    return float(max(alphas[errors <= errors.min() * (1 + TIE)]))


def nested_loop(
    X: Array,
    Y: Array,
    groups: NDArray[np.generic],
    alphas: Array,
    *,
    weight: Array | None = None,
    standardize: bool = True,
    outer: list[tuple[NDArray[np.intp], NDArray[np.intp]]] | None = None,
) -> tuple[Array, Array]:
    """Return out-of-fold predictions and the alpha of each outer fold; all rows of Y are rated."""
    weight = np.ones(len(X)) if weight is None else weight
    logo = LeaveOneGroupOut()
    outer = outer or list(logo.split(X, Y, groups))
    predictions, chosen = np.full(Y.shape, np.nan), np.full((len(outer), Y.shape[1]), np.nan)
    for fold, (train, test) in enumerate(outer):
        errors = np.zeros((len(alphas), Y.shape[1]))
        for a, alpha in enumerate(alphas):
            for fit, check in logo.split(X[train], Y[train], groups[train]):
                rows, left_out = train[fit], train[check]
                model = pipeline(X[rows], Y[rows], weight[rows], alpha, standardize=standardize)
                errors[a] += weight[left_out] @ (model.predict(X[left_out]) - Y[left_out]) ** 2
        chosen[fold] = [choose_alpha(errors[:, target], alphas) for target in range(Y.shape[1])]
        for alpha in np.unique(chosen[fold]):
            model = pipeline(X[train], Y[train], weight[train], alpha, standardize=standardize)
            mine = chosen[fold] == alpha
            predictions[np.ix_(test, mine)] = model.predict(X[test])[:, mine]
    return predictions, chosen


def nested_loop_with_missing(
    X: Array,
    Y: Array,
    groups: NDArray[np.generic],
    alphas: Array,
    *,
    weight: Array | None = None,
    standardize: bool = True,
) -> Array:
    """Predict target by target; rows without a rating are predicted, not trained on."""
    weight = np.ones(len(X)) if weight is None else weight
    predictions = np.full(Y.shape, np.nan)
    for target in range(Y.shape[1]):
        rated = ~np.isnan(Y[:, target])
        for group in np.unique(groups):
            train, test = np.flatnonzero(rated & (groups != group)), np.flatnonzero(groups == group)
            y = Y[:, [target]]
            # Inner loop on the rated training rows alone.
            # time.
            errors = np.zeros(len(alphas))
            for a, alpha in enumerate(alphas):
                for inner in np.unique(groups[train]):
                    rows, left_out = train[groups[train] != inner], train[groups[train] == inner]
                    model = pipeline(X[rows], y[rows], weight[rows], alpha, standardize=standardize)
                    residual = model.predict(X[left_out]).reshape(-1, 1) - y[left_out]
                    errors[a] += float(weight[left_out] @ residual[:, 0] ** 2)
            model = pipeline(
                X[train], y[train], weight[train], choose_alpha(errors, alphas), standardize=standardize
            )
            predictions[test, target] = model.predict(X[test]).ravel()
    return predictions


def distance(ours: Array, theirs: Array) -> Array:
    """Relative distance in Frobenius norm of each target."""
    return np.asarray(np.linalg.norm(ours - theirs, axis=0) / np.linalg.norm(theirs, axis=0))
