"""Each network trained alone with torch.nn and torch.optim: slow, and so short that one sees it is right."""

import copy
from itertools import pairwise

import numpy as np
import torch

from emoclip_clinic.regression.mlp import MlpSettings
from emoclip_clinic.regression.mlp.plan import Member, initial_weights
from emoclip_clinic.regression.mlp.stack import EPSILON


def standardised(values, rows, weight):
    """Weighted z-scores by the rows that have a value; a constant column becomes 0."""
    mine = np.nan_to_num(values[rows])
    cells = weight[rows, None] * ~np.isnan(values[rows])
    total = np.maximum(cells.sum(axis=0), 1e-300)
    mean = (cells * mine).sum(axis=0) / total
    sd = ((cells * (mine - mean) ** 2).sum(axis=0) / total) ** 0.5
    sd[sd < 1e-7 * np.abs(mean)] = 0.0
    return np.divide(values - mean, sd, out=np.zeros(values.shape), where=sd > 0), mean, sd


def make_net(sizes, seed):
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    linear = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for layer, (weight, bias) in zip(linear, initial_weights(seed, sizes), strict=True):
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
    return net


def train_alone(
    X, Y, weight, member: Member, settings: MlpSettings, rate: float, *, fused: bool | None = None
):
    """Train one network; return predictions of all rows, the best epoch and its error.

    Only the draws are taken from the code under test: who is kept aside, initial values, and the seed of the
    shuffles.
    """
    x, _, _ = standardised(X, member.train, weight)
    y, y_mean, y_sd = standardised(Y, member.train, weight)
    cells = np.where(np.isnan(Y) | (y_sd == 0), 0.0, weight[:, None])
    mean_cells = cells[member.train].sum() / len(member.train)
    x, y, cells = (torch.from_numpy(np.nan_to_num(part)).float() for part in (x, y, cells))
    net = make_net([X.shape[1], *settings.hidden, Y.shape[1]], member.seed)
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=rate, eps=EPSILON, weight_decay=settings.weight_decay, fused=fused
    )
    rng = np.random.default_rng(member.batch_seed)
    stop = torch.from_numpy(member.stop)

    def stop_error():
        with torch.no_grad():
            return float((cells[stop] * (net(x[stop]) - y[stop]) ** 2).sum() / cells[stop].sum())

    best, best_epoch, best_state = stop_error(), 0, copy.deepcopy(net.state_dict())
    n_batches = int(np.ceil(len(member.train) / settings.batch_size))
    for epoch in range(1, settings.max_epochs + 1):
        for batch in np.array_split(rng.permutation(member.train), n_batches):
            rows = torch.from_numpy(batch)
            optimizer.zero_grad()
            loss = (cells[rows] * (net(x[rows]) - y[rows]) ** 2).sum() / (len(rows) * mean_cells)
            loss.backward()
            optimizer.step()
        error = stop_error()
        if error < best:
            best, best_epoch, best_state = error, epoch, copy.deepcopy(net.state_dict())
        if epoch - best_epoch >= settings.patience:
            break
    net.load_state_dict(best_state)
    with torch.no_grad():
        return y_mean + y_sd * net(x).numpy().astype(np.float64), best_epoch, best


def loop(X, Y, weight, folds, members, settings: MlpSettings, *, fused: bool | None = None):
    """The whole procedure, one network after the other: out-of-fold predictions, rates, epochs, errors."""
    rates = settings.learning_rates
    n_repeats = 1 + max(fold.repeat for fold in folds)
    predictions = np.full((n_repeats, *Y.shape), np.nan)
    chosen, epochs, errors = [], [], []
    for number, fold in enumerate(folds):
        mine = [member for member in members if member.fold == number]
        trained = [
            [train_alone(X, Y, weight, member, settings, rate, fused=fused) for rate in rates]
            for member in mine
        ]
        error = np.array([[network[2] for network in of_seed] for of_seed in trained])
        best = int(error.mean(axis=0).argmin())
        predictions[fold.repeat, fold.test] = np.mean([of[best][0] for of in trained], axis=0)[fold.test]
        chosen.append(rates[best])
        epochs.append([of[best][1] for of in trained])
        errors.append(error)
    return predictions, np.array(chosen), np.array(epochs), np.array(errors)
