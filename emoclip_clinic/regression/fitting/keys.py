"""Keys that tell whether a model, or a whole fit, would come out as it did before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic import __version__
from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING, head_facts, model_head

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["data_hashes", "fit_key", "model_key"]


def data_hashes(plan: FitPlan) -> dict[str, str]:
    """Hash the data of a fit.

    Parameters
    ----------
    plan : FitPlan
        The fit.

    Returns
    -------
    dict of str to str
        SHA-256 of the ratings (who was given which value by whom), of the targets as they are used, of each
        block of features, of the folds, and of the scale's definition.
    """
    rated = plan.rated
    rows = [plan.rated.targets, rated.keys]
    hashes = {
        "ratings": plan.ratings_sha256,
        "targets": _digest(rows, [rated.Y]),
        "embedding": _digest([rated.feature_names, rated.keys], [rated.X]),
        "folds": _digest(
            [(fold.repeat, fold.name) for fold in plan.folds],
            [side for fold in plan.folds for side in (fold.train, fold.test)],
        ),
        "scale": _digest(plan.scale.model_dump(mode="json"), []),
    }
    hashes |= {name: _digest(design.names, [design.X]) for name, design in plan.designs.items()}
    if plan.segments is not None:
        hashes["embedding"] = _digest(rated.keys, [plan.segments.X, plan.segments.session])
    if rated.baseline_ratings is not None:
        hashes[BASELINE_RATING] = _digest(rows, [rated.baseline_ratings])
    return hashes


def model_key(plan: FitPlan, name: str, hashes: dict[str, str]) -> str:
    """Return the key of one model: its settings, features, targets and folds, and our version.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    name : str
        One of ``plan.models``.
    hashes : dict
        What :func:`data_hashes` gives.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    block = name if name == BASELINE_RATING else model_head(name, plan.settings).reads
    return _digest(
        {
            "version": __version__,
            "head": head_facts(name, plan.settings),
            "features": hashes.get(block or ""),
            "level": plan.settings.features,
            "targets": hashes["targets"],
            "folds": hashes["folds"],
        },
        [],
    )


def fit_key(plan: FitPlan, hashes: dict[str, str]) -> str:
    """Return the key of a fit: everything that its outputs depend on.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    hashes : dict
        What :func:`data_hashes` gives.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    parts = {
        "models": [model_key(plan, name, hashes) for name in plan.models],
        "settings": plan.settings.results(),
        "hashes": hashes,
        "strata": None if plan.strata is None else plan.strata.tolist(),
        "group": None if plan.diagnostic_group is None else plan.diagnostic_group.tolist(),
        "left out": plan.rated.left_out.to_dict("split"),
        "missing": plan.rated.missing.to_dict("split"),
        "source": plan.features.source.weights_sha256,
        "extraction": plan.features.source.settings,
        "videos": sorted((one.participant_id, one.sha256 or "") for one in plan.features.contents),
    }
    return _digest(parts, [plan.rated.n_raters])


def _digest(facts: object, arrays: Iterable[NDArray[np.generic]]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
