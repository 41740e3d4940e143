"""Many small networks in one buffer: forward, gradients by hand, one fused AdamW over all of them.

Each network is one row of the buffer, its layers one after the other; those with more batches per epoch come
first. In a step that only some networks have, the others are left out of the tensors and of the optimiser, so
that they do not move. Optimiser and copies thus see a few large tensors instead of many small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EPSILON", "Stack", "padded_size"]

# AdamW's epsilon. With standardised targets in one batch, the first gradient of the output bias is zero up to
# rounding (1e-8); PyTorch's 1e-8 would turn that into a step of full length in a random direction.
EPSILON = 1e-6

# Weights and biases begin at multiples of so many values, which are 64 bytes: one line of the cache.
_LINE = 16

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def padded_size(sizes: Sequence[int]) -> int:
    """Return the values of one network in the buffer.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, widths of the hidden layers, number of outputs.

    Returns
    -------
    int
    """
    return sum(_up(n_in * n_out) + _up(n_out) for n_in, n_out in pairwise(sizes))


def _up(size: int) -> int:
    return -(-size // _LINE) * _LINE


class _Layer(NamedTuple):
    """Views of one layer of the first networks."""

    weight: Tensor  # (n, n_in, n_out)
    bias: Tensor  # (n, 1, n_out)
    weight_gradient: Tensor
    bias_gradient: Tensor


class Stack:
    """Networks of one shape with their optimiser.

    Parameters
    ----------
    weights : sequence of list of (weight of shape (n_in, n_out), bias of shape (n_out,))
        Initial layers of each network.
    n_batches : ndarray of shape (n_networks,)
        Steps of each network in an epoch, descending.
    rates : ndarray of shape (n_networks,)
        Learning rate of each network.
    weight_decay : float
    device : str
        "cpu", "cuda", ...

    Attributes
    ----------
    values : Tensor of shape (n_networks, padded_size)
        The weights of each network; what pads them is 0.
    """

    def __init__(
        self,
        weights: Sequence[Layers],
        n_batches: NDArray[np.intp],
        rates: NDArray[np.float64],
        *,
        weight_decay: float,
        device: str,
    ) -> None:
        import torch

        self._weight_decay = weight_decay
        self._epochs = 0
        self._n_batches, self._rates = n_batches, rates
        first = weights[0]
        self._sizes = [first[0][0].shape[0], *(weight.shape[1] for weight, _ in first)]
        flat = np.zeros((len(weights), padded_size(self._sizes)), dtype=np.float32)
        for row, layers in zip(flat, weights, strict=True):
            for place, part in zip(self._places(), (part for layer in layers for part in layer), strict=True):
                row[place] = part.ravel()
        self.values = torch.from_numpy(flat).to(device)
        self._gradients, self._first, self._second = (torch.zeros_like(self.values) for _ in range(3))
        self._make_runs()

    def _places(self) -> list[slice]:
        """Where weight and bias of each layer lie in a row."""
        places, start = [], 0
        for n_in, n_out in pairwise(self._sizes):
            for size in (n_in * n_out, n_out):
                places.append(slice(start, start + size))
                start += _up(size)
        return places

    def layers_of(self, row: NDArray[np.float32]) -> Layers:
        """Cut a row of the buffer into copies of its layers.

        Parameters
        ----------
        row : ndarray of shape (padded_size,)

        Returns
        -------
        list of (weight of shape (n_in, n_out), bias of shape (n_out,))
        """
        places = self._places()
        return [
            (row[weight].reshape(n_in, n_out).copy(), row[bias].copy())
            for weight, bias, (n_in, n_out) in zip(
                places[::2], places[1::2], pairwise(self._sizes), strict=True
            )
        ]

    def _make_runs(self) -> None:
        """View each run of networks with equal step count and learning rate as one set of parameters."""
        import torch

        bounds = np.flatnonzero(np.diff(self._n_batches) | (np.diff(self._rates) != 0)) + 1
        starts, ends = [0, *bounds.tolist()], [*bounds.tolist(), len(self._rates)]
        self._runs = []
        for start, end in zip(starts, ends, strict=True):
            n = int(self._n_batches[start])
            parts = (self.values, self._gradients, self._first, self._second)
            step = torch.tensor(float(n * self._epochs), device=self.values.device)
            self._runs.append((n, float(self._rates[start]), (*(part[start:end] for part in parts), step)))
        self._active: dict[float, tuple[list[Tensor], ...]] = {}
        self._views: dict[int, list[_Layer]] = {}
        # Batches from which on fewer networks take part.
        self._changes = {0, *self._n_batches.tolist()}

    def _activate(self, batch: int) -> None:
        """Join the runs that have this batch, by learning rate."""
        self._active = {}
        for n, rate, tensors in self._runs:
            if batch < n:
                joined = self._active.setdefault(rate, ([], [], [], [], []))
                for whole, part in zip(joined, tensors, strict=True):
                    whole.append(part)

    def _layers(self, n: int) -> list[_Layer]:
        """View the layers of the first `n` networks."""
        if n not in self._views:
            places = self._places()
            self._views[n] = [
                _Layer(
                    *(
                        buffer[:n, place].view(n, rows, n_out)
                        for buffer in (self.values, self._gradients)
                        for place, rows in ((weight, n_in), (bias, 1))
                    )
                )
                for weight, bias, (n_in, n_out) in zip(
                    places[::2], places[1::2], pairwise(self._sizes), strict=True
                )
            ]
        return self._views[n]

    def start_epoch(self) -> None:
        """Count an epoch; all networks have a first step in it."""
        self._epochs += 1

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the inputs of every layer and the output, for the first ``len(x)`` networks.

        Parameters
        ----------
        x : Tensor of shape (n, n_rows, n_inputs)

        Returns
        -------
        list of Tensor
            The last is the output, of shape (n, n_rows, n_outputs).
        """
        import torch

        values = [x]
        for layer in self._layers(len(x)):
            inputs = values[-1].relu_() if len(values) > 1 else x
            values.append(torch.baddbmm(layer.bias, inputs, layer.weight))
        return values

    def step(self, batch: int, values: list[Tensor], slope: Tensor) -> None:
        """Follow the gradient of the loss, in the networks that have this batch.

        Parameters
        ----------
        batch : int
            Number of the batch in the epoch, from 0.
        values : list of Tensor
            What `forward` returned.
        slope : Tensor of shape (n, n_rows, n_outputs)
            Derivative of each network's loss by its outputs.
        """
        import torch
        from torch.optim.adamw import adamw

        layers = self._layers(len(slope))
        for number in range(len(layers) - 1, -1, -1):
            layer, inputs = layers[number], values[number]
            torch.bmm(inputs.transpose(1, 2), slope, out=layer.weight_gradient)
            torch.sum(slope, 1, keepdim=True, out=layer.bias_gradient)
            if number:
                slope = torch.bmm(slope, layer.weight.transpose(1, 2))
                slope = torch.ops.aten.threshold_backward(slope, inputs, 0)  # the slope of relu
        if batch in self._changes:
            self._activate(batch)
        for rate, (parameters, gradients, first, second, steps) in self._active.items():
            adamw(
                parameters,
                gradients,
                first,
                second,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=rate,
                weight_decay=self._weight_decay,
                eps=EPSILON,
                maximize=False,
            )

    def keep(self, networks: NDArray[np.intp]) -> None:
        """Go on with some of the networks, in the same order, between two epochs."""
        import torch

        # Old views and gradients go first, so that old and new never lie side by side.
        del self._runs, self._active, self._views, self._gradients
        index = torch.from_numpy(networks).to(self.values.device)
        self.values, self._first, self._second = (
            part[index] for part in (self.values, self._first, self._second)
        )
        self._gradients = torch.zeros_like(self.values)
        self._n_batches, self._rates = self._n_batches[networks], self._rates[networks]
        self._make_runs()
