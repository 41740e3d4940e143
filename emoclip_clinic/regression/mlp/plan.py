"""Which rows each network of an ensemble learns from, which stop it, and how it standardises them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.mlp.settings import MlpSettings
from emoclip_clinic.regression.splits import Fold, split_participants

__all__ = ["Member", "Table", "initial_weights", "make_table", "plan_members"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Two participants give a mean and an SD, a third one says when to stop.
MIN_TRAINING_PARTICIPANTS = 3
# The typical value and spread of a feature are taken from so many rows, evenly spread.
TYPICAL_ROWS = 1001


@dataclass(frozen=True, eq=False)
class Table:
    """Checked data, with features in units that keep their digits in float32.

    Attributes
    ----------
    X : ndarray of float32, shape (n_rows, n_features)
        ``(features - centre) / unit``. Each training set standardises once more, which cancels centre and
        unit: they only decide about rounding.
    centre, unit : ndarray of shape (n_features,)
    Y : ndarray of shape (n_rows, n_targets)
        0 where a rating is missing.
    weight : ndarray of shape (n_rows, n_targets)
        Weight of the row, 0 where its rating is missing.
    codes : ndarray of shape (n_rows,)
        Participant of each row.
    """

    X: NDArray[np.float32]
    centre: Floats
    unit: Floats
    Y: Floats
    weight: Floats
    codes: Rows


@dataclass(frozen=True, eq=False)
class Member:
    """One network of one fold's ensemble, before the learning rate is known.

    Attributes
    ----------
    fold : int
        Position of the outer fold.
    name : str
        The fold and the seed in words, for messages.
    seed : int
    train : ndarray
        Rows to learn from: rated, of weight above zero, inner training participants.
    stop : ndarray
        Rows that stop training and choose the learning rate: the other training participants.
    batch_seed : numpy.random.SeedSequence
        Of the generator that shuffles `train` in each epoch.
    x_mean, x_factor : ndarray of shape (n_features,)
        Weighted mean and 1 / population SD of `train` in the units of `Table.X`; 0 for a constant feature.
    y_mean, y_sd : ndarray of shape (n_targets,)
        The same for ratings; an SD of 0 makes the prediction of a constant target that constant.
    known : ndarray of bool of shape (n_targets,)
        Targets that the member can predict.
    train_weight, stop_weight : ndarray of shape (n_targets,)
        Factors of the row weights in the two losses; 0 for a target that is constant or not rated.
    """

    fold: int
    name: str
    seed: int
    train: Rows
    stop: Rows
    batch_seed: np.random.SeedSequence
    x_mean: Floats
    x_factor: Floats
    y_mean: Floats
    y_sd: Floats
    known: NDArray[np.bool_]
    train_weight: Floats
    stop_weight: Floats


def make_table(X: NDArray[np.floating], Y: Floats, weight: Floats, codes: Rows) -> Table:
    """Bring features to a common scale and split ratings into values and weights.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    Y : ndarray of shape (n_rows, n_targets)
        NaN where a rating is missing.
    weight : ndarray of shape (n_rows,)
    codes : ndarray of shape (n_rows,)

    Returns
    -------
    Table
    """
    some = X[:: -(-len(X) // TYPICAL_ROWS)].astype(np.float64)
    centre = np.median(some, axis=0)
    distance = np.abs(some - centre)
    unit = np.median(distance, axis=0)
    unit = np.where(unit > 0, unit, distance.max(axis=0))
    unit[unit == 0] = 1.0
    scaled = np.empty(X.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        for start in range(0, len(X), TYPICAL_ROWS):
            rows = slice(start, start + TYPICAL_ROWS)
            scaled[rows] = (X[rows] - centre) / unit
    rated = ~np.isnan(Y)
    return Table(
        X=scaled,
        centre=centre,
        unit=unit,
        Y=np.where(rated, Y, 0.0),
        weight=weight[:, None] * rated,
        codes=codes,
    )


def plan_members(table: Table, folds: Sequence[Fold], settings: MlpSettings) -> list[Member]:
    """Choose inner participants and standardise, for each fold and seed.

    Parameters
    ----------
    table : Table
    folds : sequence of Fold
    settings : MlpSettings

    Returns
    -------
    list of Member
        The seeds of the first fold, then those of the second, and so on.

    Raises
    ------
    RegressionError
        If a fold has fewer than three rated training participants.

    Notes
    -----
    The draw of a member depends on its seed and on the repetition and the name of its fold, not on the other
    folds, and on which participants are rated, not on how.
    """
    n_participants = int(table.codes.max()) + 1
    active = (table.weight > 0).sum(axis=1) > 0
    x_sums = _sums(table.X, table.weight.max(axis=1)[:, None], table.codes, n_participants)
    y_sums = _sums(table.Y, table.weight, table.codes, n_participants)
    n_rows = np.bincount(table.codes, active, minlength=n_participants)
    members = []
    for number, fold in enumerate(folds):
        rows = fold.train[active[fold.train]]
        mine = table.codes[rows]
        n_mine = len(np.unique(mine))
        if n_mine < MIN_TRAINING_PARTICIPANTS:
            raise RegressionError(
                f"The MLP needs at least {MIN_TRAINING_PARTICIPANTS} rated training participants in every "
                "fold: two to learn from, one to say when to stop",
                found=n_mine,
                where=f"fold {fold.name}",
                hint="Use ridge alone, or rate more participants.",
            )
        for seed in settings.seeds:
            split_seed, batch_seed = _streams(fold, seed)
            inner = split_participants(
                mine, scheme="kfold", n_splits=min(settings.inner_splits, n_mine), seed=split_seed
            )[0]
            inside = np.zeros(n_participants)
            inside[mine[inner.train]] = 1.0
            train, stop = rows[inner.train], rows[inner.test]
            x_mean, x_sd, _ = _moments(inside, x_sums, float(inside @ n_rows))
            y_mean, y_sd, y_total = _moments(inside, y_sums, float(inside @ n_rows))
            stop_total = table.weight[stop].sum(axis=0)
            varies = (y_total > 0) & (y_sd > 0)
            stoppable = varies & (stop_total > 0)
            members.append(
                Member(
                    fold=number,
                    name=f"fold {fold.name}, seed {seed}",
                    seed=seed,
                    train=train,
                    stop=stop,
                    batch_seed=batch_seed,
                    x_mean=x_mean,
                    x_factor=np.divide(1.0, x_sd, out=np.zeros_like(x_sd), where=x_sd > 0),
                    y_mean=y_mean,
                    y_sd=y_sd,
                    # Without a rating that varies among those who stop it, a network could not be stopped.
                    known=(y_total > 0) & (stoppable.any() | (y_sd == 0)),
                    train_weight=_share(varies & stoppable.any(), y_total) * len(train),
                    stop_weight=_share(stoppable, stop_total),
                )
            )
    return members


def initial_weights(seed: int, sizes: Sequence[int]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Draw the weights that every network of a seed starts from.

    Parameters
    ----------
    seed : int
    sizes : sequence of int
        Number of inputs, widths of the hidden layers, number of outputs.

    Returns
    -------
    list of (weight of shape (n_in, n_out), bias of shape (n_out,))

    Notes
    -----
    Hidden layers are uniform within 1 / sqrt(n_in), as in ``torch.nn.Linear``. The last is zero: a network
    begins as the mean predictor of its training set, and stays that if nothing better is found.
    """
    rng = np.random.default_rng([seed, len(sizes), *sizes])
    layers = []
    for n_in, n_out in pairwise(sizes[:-1]):
        bound = n_in**-0.5
        weight = rng.uniform(-bound, bound, (n_in, n_out)).astype(np.float32)
        layers.append((weight, rng.uniform(-bound, bound, n_out).astype(np.float32)))
    layers.append((np.zeros((sizes[-2], sizes[-1]), np.float32), np.zeros(sizes[-1], np.float32)))
    return layers


def _streams(fold: Fold, seed: int) -> tuple[int, np.random.SeedSequence]:
    """Return the seed of the inner split and that of the batches."""
    digest = hashlib.sha256(f"{fold.repeat}/{fold.name}".encode()).digest()
    words = np.frombuffer(digest[:16], dtype="<u4").tolist()
    split, batches = np.random.SeedSequence([seed, *words]).spawn(2)
    return int(split.generate_state(1)[0]), batches


def _sums(
    values: NDArray[np.floating], weight: NDArray[np.generic], codes: Rows, n_participants: int
) -> tuple[Floats, Floats, Floats]:
    """Return each participant's sums of weights, weighted values and weighted squares."""
    total = np.zeros((n_participants, weight.shape[1]))
    first, second = (np.zeros((n_participants, values.shape[1])) for _ in range(2))
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(n_participants + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        for participant in range(n_participants):
            rows = order[bounds[participant] : bounds[participant + 1]]
            mine, w = values[rows].astype(np.float64), weight[rows].astype(np.float64)
            total[participant] = w.sum(axis=0)
            first[participant] = (w * mine).sum(axis=0)
            second[participant] = (w * mine**2).sum(axis=0)
    return total, first, second


def _moments(
    inside: Floats, sums: tuple[Floats, Floats, Floats], n_rows: float
) -> tuple[Floats, Floats, Floats]:
    """Return mean, population SD (0 for a constant) and sum of weights over the participants inside."""
    members = inside > 0
    total, first, second = (part[members].sum(axis=0) for part in sums)
    some = np.where(total > 0, total, 1.0)
    mean, square = first / some, second / some
    variance = square - mean**2
    # The difference of two rounded sums: below this bound it is rounding.
    constant = variance <= n_rows * np.finfo(np.float64).eps * square
    return mean, np.sqrt(np.where(constant, 0.0, variance)), np.broadcast_to(total, mean.shape)


def _share(wanted: NDArray[np.bool_], total: Floats) -> Floats:
    """Return the factor that makes the weights of all wanted targets together sum to one."""
    whole = total[wanted].sum()
    return wanted / whole if whole > 0 else np.zeros(len(total))
