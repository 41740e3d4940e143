"""The permutation scheme written down plainly, with dictionaries and loops."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.regression import nested_predict

Array = NDArray[np.float64]
Blocks = dict[object, list[int]]


def rated_blocks(Y: Array, groups: Sequence[object]) -> Blocks:
    """Rows of each participant that have any rating, in the order of the rows."""
    blocks: Blocks = defaultdict(list)
    for row, participant in enumerate(groups):
        if not np.isnan(Y[row]).all():
            blocks[participant].append(row)
    return blocks


def all_exchanges(blocks: Blocks, stratum: dict[object, str]) -> Iterator[dict[object, object]]:
    """Every way to give each participant the block of one of the same stratum and number of sessions."""
    classes = defaultdict(list)
    for participant in sorted(blocks):
        classes[stratum[participant], len(blocks[participant])].append(participant)
    every = [list(itertools.permutations(members)) for members in classes.values()]
    for choice in itertools.product(*every):
        yield {
            receiver: donor
            for members, donors in zip(classes.values(), choice, strict=True)
            for receiver, donor in zip(members, donors, strict=True)
        }


def exchange(Y: Array, blocks: Blocks, donor_of: dict[object, object]) -> Array:
    """Move rating blocks; follow the draw past participants who lack the target in the same sessions."""
    moved = Y.copy()
    for target in range(Y.shape[1]):

        def has(participant: object, target: int = target) -> list[bool]:
            return [not np.isnan(Y[row, target]) for row in blocks[participant]]

        for receiver in blocks:
            if any(has(receiver)):
                donor = donor_of[receiver]
                while has(donor) != has(receiver):
                    donor = donor_of[donor]
                for to, origin in zip(blocks[receiver], blocks[donor], strict=True):
                    moved[to, target] = Y[origin, target]
    return moved


def naive_skill(Y: Array, predictions: Array, baseline: Array) -> Array:
    values = []
    for target in range(Y.shape[1]):
        rows = ~np.isnan(Y[:, target])
        y, p, b = Y[rows, target], predictions[rows, target], baseline[rows, target]
        values.append(1 - sum((y - p) ** 2) / sum((y - b) ** 2))
    return np.array(values)


def exact_p(
    X: Array, Y: Array, groups: Sequence[object], stratum: dict[object, str], alphas: Sequence[float]
) -> tuple[Array, Array, Array]:
    """Return p over all exchanges, the observed skill, and the skills of all exchanges, observed first."""
    blocks = rated_blocks(Y, groups)
    skills = []
    for donor_of in all_exchanges(blocks, stratum):
        moved = exchange(Y, blocks, donor_of)
        result = nested_predict(X, moved, groups, alphas=alphas)
        skills.append(naive_skill(moved, result.predictions, result.baseline))
    values = np.array(skills)
    return (values >= values[0] - 1e-10).mean(axis=0), values[0], values


def naive_step_down(statistics: Array) -> Array:
    """Westfall and Young's step-down min-p as in Ge, Dudoit and Speed (2003), box 4."""
    n, m = statistics.shape
    raw = np.array([[np.mean(statistics[:, k] >= statistics[b, k]) for k in range(m)] for b in range(n)])
    order = sorted(range(m), key=lambda k: raw[0, k])
    adjusted = np.empty(m)
    previous = 0.0
    for place, k in enumerate(order):
        later = order[place:]
        share = np.mean([min(raw[b, j] for j in later) <= raw[0, k] for b in range(n)])
        previous = adjusted[k] = max(previous, float(share))
    return adjusted
