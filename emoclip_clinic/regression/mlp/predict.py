"""Out-of-fold predictions of ratings by ensembles of small networks, and the final fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoclip_clinic.regression.checks import (
    MIN_PARTICIPANTS,
    RegressionWarning,
    check_features,
    check_targets,
    check_weights,
    participant_codes,
)
from emoclip_clinic.regression.mlp.model import MlpModel, make_model
from emoclip_clinic.regression.mlp.plan import Table, make_table, plan_members
from emoclip_clinic.regression.mlp.settings import MlpSettings
from emoclip_clinic.regression.mlp.train import Network, Progress, choose_device, train_networks
from emoclip_clinic.regression.splits import Fold, Groups, check_folds, split_participants

__all__ = ["MlpFit", "MlpPrediction", "mlp_fit", "mlp_predict"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MlpFit:
    """A trained ensemble and how it came about.

    Attributes
    ----------
    model : MlpModel
    learning_rate : float
        The chosen one; NaN if no network could be judged.
    epochs : ndarray of int of shape (n_seeds,)
        Epochs after which each network was best; 0 is the mean predictor.
    inner_errors : ndarray of shape (n_seeds, n_rates)
        Mean squared error in the inner participants, in SDs of the training ratings.
    seeds : tuple of int
    device : str
    settings : MlpSettings
    """

    model: MlpModel
    learning_rate: float
    epochs: NDArray[np.intp]
    inner_errors: Floats
    seeds: tuple[int, ...]
    device: str
    settings: MlpSettings


@dataclass(frozen=True, eq=False)
class MlpPrediction:
    """Out-of-fold predictions and how they came about.

    Attributes
    ----------
    predictions : ndarray, shaped as Y
        Mean over the ensemble for every row, rated or not, by networks that never saw its participant. With
        several repetitions of the folds there is a leading axis: (n_repeats, n_rows[, n_targets]).
    learning_rates : ndarray of shape (n_folds,)
        The chosen one; NaN if no network of the fold could be judged.
    epochs : ndarray of int of shape (n_folds, n_seeds)
        Epochs after which each network was best, at the chosen learning rate; 0 is the mean predictor.
    inner_errors : ndarray of shape (n_folds, n_seeds, n_rates)
        Mean squared error in the inner participants, in SDs of the training ratings.
    seeds : tuple of int
        Seed of each network of an ensemble.
    folds : tuple of Fold
    fold_of_row : ndarray of shape (n_repeats, n_rows)
        Position in `folds` of the fold that tests the row.
    inner : str
        The inner split in words.
    device : str
        Where the networks were trained; another device may round differently.
    settings : MlpSettings
    """

    predictions: Floats
    learning_rates: Floats
    epochs: NDArray[np.intp]
    inner_errors: Floats
    seeds: tuple[int, ...]
    folds: tuple[Fold, ...]
    fold_of_row: NDArray[np.intp]
    inner: str
    device: str
    settings: MlpSettings


def mlp_predict(
    X: ArrayLike,
    Y: ArrayLike,
    groups: Groups,
    *,
    settings: MlpSettings | None = None,
    folds: Sequence[Fold] | None = None,
    sample_weight: ArrayLike | None = None,
    device: str = "auto",
    max_memory_mb: float = 1024,
    progress: Progress | None = None,
) -> MlpPrediction:
    r"""Predict every row by small networks trained on other participants.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
        One row for each session (or segment), without NaN.
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Ratings; NaN where one is missing. All targets are outputs of one network.
    groups : sequence of shape (n_rows,)
        Participant of each row.
    settings : MlpSettings, optional
    folds : sequence of Fold, optional
        By default one participant is left out at a time.
    sample_weight : array-like of shape (n_rows,), optional
        Weights; they enter mean, SD and both losses. With 1 / (rows of the participant), a participant with
        many rows counts as much as any other.
    device : str
        "auto" (a GPU if there is one), "cpu", "cuda", ...
    max_memory_mb : float
        Cap on tensors on the device, in MiB; networks beyond it are trained one chunk after another.
    progress : callable, optional
        Called with (done, total) numbers of networks.

    Returns
    -------
    MlpPrediction

    Raises
    ------
    RegressionError
        If X holds NaN, participants are missing or on both sides of a fold, shapes disagree, a fold has fewer
        than three rated training participants, a loss is not finite, the device is not there, or the memory
        does not hold one network.

    Warns
    -----
    RegressionWarning
        For a target rated in fewer than three participants, or in no network's training participants of a
        fold (those predictions are NaN); for a constant target (its predictions are that constant) and a
        constant feature (it has no effect).

    Notes
    -----
    For each outer fold and seed, one in ``inner_splits`` training participants is kept aside, by who they are
    and never by their ratings. A network learns from the others; inputs and targets are standardised by their
    weighted mean and population SD. Training minimises the weighted squared error over the rated cells

    .. math:: L = \frac{\sum_{ij} w_i m_{ij} (f_j(x_i) - y_{ij})^2}{\sum_{ij} w_i m_{ij}},

    of which each mini-batch is an unbiased estimate, by AdamW [1]_. The weights with the smallest error in
    the participants kept aside are those that predict. The learning rate with the smallest such error,
    averaged over seeds, is taken for the fold; the smaller one among equals. Every network starts as the mean
    predictor of its training set, which remains the answer if no epoch is better.

    A mini-batch depends on the fold and the seed only: the result equals, up to rounding, that of training
    each network alone.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter (2019). Decoupled weight decay regularization. ICLR. arXiv:1711.05101
    """
    data = _check(X, Y, groups, sample_weight)
    folds = split_participants(data.table.codes) if folds is None else check_folds(folds, data.table.codes)
    too_few = _warn_targets(data)
    settings = settings or MlpSettings()
    device = choose_device(device)
    n_repeats = 1 + max(fold.repeat for fold in folds)
    predictions = np.full((n_repeats, *data.Y.shape), np.nan)
    fold_of_row = np.full((n_repeats, len(data.Y)), -1, dtype=np.intp)
    rates = np.full(len(folds), np.nan)
    epochs = np.zeros((len(folds), settings.n_seeds), dtype=np.intp)
    errors = np.full((*epochs.shape, len(settings.learning_rates)), np.nan)
    for number, fit in _train(data.table, folds, settings, device, max_memory_mb, progress):
        fold = folds[number]
        predictions[fold.repeat, fold.test] = fit.model.predict(data.X[fold.test])
        fold_of_row[fold.repeat, fold.test] = number
        rates[number], epochs[number], errors[number] = fit.learning_rate, fit.epochs, fit.inner_errors
    _warn_unknown(predictions, too_few, folds, fold_of_row)
    predictions[:, :, too_few] = np.nan
    shape = np.shape(Y) if n_repeats == 1 else (n_repeats, *np.shape(Y))
    return MlpPrediction(
        predictions=predictions.reshape(shape),
        learning_rates=rates,
        epochs=epochs,
        inner_errors=errors,
        seeds=settings.seeds,
        folds=tuple(folds),
        fold_of_row=fold_of_row,
        inner=f"one in {settings.inner_splits} training participants, drawn for each fold and seed",
        device=device,
        settings=settings,
    )


def mlp_fit(
    X: ArrayLike,
    Y: ArrayLike,
    groups: Groups,
    *,
    settings: MlpSettings | None = None,
    sample_weight: ArrayLike | None = None,
    device: str = "auto",
    max_memory_mb: float = 1024,
    progress: Progress | None = None,
) -> MlpFit:
    """Train an ensemble on all participants, for predictions in new ones.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
    Y : array-like of shape (n_rows,) or (n_rows, n_targets)
        NaN where a rating is missing.
    groups : sequence of shape (n_rows,)
        Participant of each row.
    settings : MlpSettings, optional
    sample_weight : array-like of shape (n_rows,), optional
    device : str
    max_memory_mb : float
    progress : callable, optional
        As for `mlp_predict`.

    Returns
    -------
    MlpFit
        With the ensemble, which predicts an array of shape (n_rows, n_targets).

    Raises
    ------
    RegressionError
        As for `mlp_predict`.

    Warns
    -----
    RegressionWarning
        As for `mlp_predict`.
    """
    data = _check(X, Y, groups, sample_weight)
    too_few = _warn_targets(data)
    everybody = Fold(0, "all", np.arange(len(data.X)), np.empty(0, dtype=np.intp))
    ((_, fit),) = _train(
        data.table, [everybody], settings or MlpSettings(), choose_device(device), max_memory_mb, progress
    )
    fit.model.known[:, too_few] = False
    return fit


def _train(
    table: Table,
    folds: Sequence[Fold],
    settings: MlpSettings,
    device: str,
    max_memory_mb: float,
    progress: Progress | None,
) -> Iterator[tuple[int, MlpFit]]:
    """Yield each fold's ensemble as soon as all its networks are trained."""
    members = plan_members(table, folds, settings)
    rates = settings.learning_rates
    waiting: dict[int, list[Network]] = {}
    for network in train_networks(
        table, members, settings, device=device, max_memory_mb=max_memory_mb, progress=progress
    ):
        number = members[network.member].fold
        mine = waiting.setdefault(number, [])
        mine.append(network)
        if len(mine) < settings.n_seeds * len(rates):
            continue
        del waiting[number]
        mine.sort(key=lambda network: (network.member, network.rate))
        errors = np.array([network.error for network in mine]).reshape(settings.n_seeds, len(rates))
        judged = ~np.isnan(errors).any(axis=1)
        best = int(np.argmin(errors[judged].mean(axis=0))) if judged.any() else 0
        chosen = [network for network in mine if network.rate == best]
        yield (
            number,
            MlpFit(
                model=make_model(table, [members[network.member] for network in chosen], chosen),
                learning_rate=rates[best] if judged.any() else float("nan"),
                epochs=np.array([network.epochs for network in chosen]),
                inner_errors=errors,
                seeds=settings.seeds,
                device=device,
                settings=settings,
            ),
        )


@dataclass(frozen=True, eq=False)
class _Data:
    """Checked arrays: features and ratings as given, and the table that the networks learn from."""

    X: NDArray[np.floating]
    Y: Floats
    table: Table


def _check(X: ArrayLike, Y: ArrayLike, groups: Groups, sample_weight: ArrayLike | None) -> _Data:
    features = check_features(X)
    targets = check_targets(Y, len(features))
    _, codes = participant_codes(groups, len(features))
    weight = check_weights(sample_weight, len(features))
    constant = np.flatnonzero(features.max(axis=0) == features.min(axis=0))
    if constant.size:
        warnings.warn(
            f"{constant.size} of {features.shape[1]} features are constant (the first is column "
            f"{constant[0]}); they have no effect on the predictions.",
            RegressionWarning,
            stacklevel=3,
        )
    return _Data(features, targets, make_table(features, targets, weight, codes))


def _warn_targets(data: _Data) -> NDArray[np.intp]:
    """Warn of targets rated in too few participants, which are returned, and of constant ones."""
    n_targets = data.Y.shape[1]
    rated = data.table.weight > 0
    n_rated = np.array([len(np.unique(data.table.codes[column])) for column in rated.T])
    too_few = np.flatnonzero(n_rated < MIN_PARTICIPANTS)
    if too_few.size:
        warnings.warn(
            f"{too_few.size} of {n_targets} targets are rated in fewer than {MIN_PARTICIPANTS} participants "
            f"(the first is column {too_few[0]}); their predictions are NaN.",
            RegressionWarning,
            stacklevel=3,
        )
    constant = [
        target
        for target in np.setdiff1d(np.arange(n_targets), too_few)
        if np.ptp(data.Y[rated[:, target], target]) == 0
    ]
    if constant:
        warnings.warn(
            f"{len(constant)} of {n_targets} targets are constant (the first is column {constant[0]}); "
            "their predictions are that constant.",
            RegressionWarning,
            stacklevel=3,
        )
    return too_few


def _warn_unknown(
    predictions: Floats, too_few: NDArray[np.intp], folds: Sequence[Fold], fold_of_row: NDArray[np.intp]
) -> None:
    """Warn of targets that no network of a fold could learn."""
    unknown = np.isnan(predictions)
    unknown[:, :, too_few] = False
    if unknown.any():
        repeat, row, target = np.argwhere(unknown)[0]
        warnings.warn(
            f"{np.count_nonzero(unknown)} predictions are NaN, because no network of the fold has ratings to "
            f"learn that target from (the first is fold {folds[fold_of_row[repeat, row]].name}, column "
            f"{target}).",
            RegressionWarning,
            stacklevel=3,
        )
