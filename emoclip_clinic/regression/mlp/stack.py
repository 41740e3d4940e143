"""Many small networks as stacked weights: forward, gradients by hand, one fused AdamW over all of them.

Networks lie one after the other in each tensor, those with more batches per epoch first. In a step that only
some of them have, the others are left out of the tensors and of the optimiser, so that they do not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EPSILON", "Stack"]

# AdamW's epsilon. With standardised targets in one batch, the first gradient of the output bias is zero up to
# rounding (1e-8); PyTorch's 1e-8 would turn that into a step of full length in a random direction.
EPSILON = 1e-6

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


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
        self.parameters: list[Tensor] = []
        for layer in range(len(weights[0])):
            weight = np.stack([layers[layer][0] for layers in weights])
            bias = np.stack([layers[layer][1] for layers in weights])[:, None, :]
            self.parameters += [torch.from_numpy(weight).to(device), torch.from_numpy(bias).to(device)]
        self._gradients = [torch.zeros_like(p) for p in self.parameters]
        self._first = [torch.zeros_like(p) for p in self.parameters]
        self._second = [torch.zeros_like(p) for p in self.parameters]
        self._make_runs()

    def _make_runs(self) -> None:
        """View each run of networks with equal step count and learning rate as one set of parameters."""
        import torch

        bounds = np.flatnonzero(np.diff(self._n_batches) | (np.diff(self._rates) != 0)) + 1
        starts, ends = [0, *bounds.tolist()], [*bounds.tolist(), len(self._rates)]
        self._runs = []
        for start, end in zip(starts, ends, strict=True):
            n = int(self._n_batches[start])
            parts = (self.parameters, self._gradients, self._first, self._second)
            views = tuple([tensor[start:end] for tensor in part] for part in parts)
            steps = [torch.tensor(float(n * self._epochs), device=p.device) for p in self.parameters]
            self._runs.append((n, float(self._rates[start]), (*views, steps)))
        self._active: dict[float, tuple[list[Tensor], ...]] = {}
        # Batches from which on fewer networks take part.
        self._changes = {0, *self._n_batches.tolist()}

    def _activate(self, batch: int) -> None:
        """Join the runs that have this batch, by learning rate."""
        self._active = {}
        for n, rate, lists in self._runs:
            if batch < n:
                joined = self._active.setdefault(rate, ([], [], [], [], []))
                for whole, part in zip(joined, lists, strict=True):
                    whole.extend(part)

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

        n, values = len(x), [x]
        for layer in range(0, len(self.parameters), 2):
            weight, bias = self.parameters[layer], self.parameters[layer + 1]
            out = torch.baddbmm(bias[:n], values[-1], weight[:n])
            values.append(out.relu_() if layer + 2 < len(self.parameters) else out)
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
            Derivative of each network's loss by its outputs; overwritten.
        """
        import torch
        from torch.optim.adamw import adamw

        n = len(slope)
        for layer in range(len(self.parameters) - 2, -1, -2):
            inputs = values[layer // 2]
            torch.bmm(inputs.transpose(1, 2), slope, out=self._gradients[layer][:n])
            torch.sum(slope, 1, keepdim=True, out=self._gradients[layer + 1][:n])
            if layer:
                slope = torch.bmm(slope, self.parameters[layer][:n].transpose(1, 2)).mul_(inputs > 0)
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
        del self._runs, self._active, self._gradients
        index = torch.from_numpy(networks).to(self.parameters[0].device)
        for tensors in (self.parameters, self._first, self._second):
            for number, tensor in enumerate(tensors):
                tensors[number] = tensor[index]
        self._gradients = [torch.zeros_like(p) for p in self.parameters]
        self._n_batches, self._rates = self._n_batches[networks], self._rates[networks]
        self._make_runs()
