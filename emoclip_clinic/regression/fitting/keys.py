"""Keys that tell whether a model, or a whole fit, would come out as it did before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic import __version__
from emoclip_clinic.regression.fitting.model_heads import BASELINE_RATING, head_facts, model_head
from emoclip_clinic.regression.heads.mlp import MlpHead

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting.plan import FitPlan

__all__ = ["data_hashes", "fit_key", "model_key", "number_versions"]


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
    """Return the key of one model: settings, features, targets, folds, and the versions that make numbers.

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
    head = None if name == BASELINE_RATING else model_head(name, plan.settings)
    trained_by = {}
    if isinstance(head, MlpHead):
        from emoclip_clinic.regression.mlp.train import choose_device

        trained_by = {**number_versions(("torch",)), "device": choose_device(head.device).partition(":")[0]}
    block = BASELINE_RATING if head is None else head.reads
    return _digest(
        {
            "version": __version__,
            "numbers": number_versions(("numpy", "scipy")),
            "head": head_facts(name, plan.settings),
            "features": hashes.get(block or ""),
            "level": plan.settings.features,
            "targets": hashes["targets"],
            "folds": hashes["folds"],
            "trained by": trained_by,
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
        "segments": plan.features.segments_sha256,
        "videos": sorted((one.participant_id, one.sha256 or "") for one in plan.features.contents),
    }
    return _digest(parts, [plan.rated.n_raters])


def number_versions(packages: Sequence[str]) -> dict[str, str]:
    """Return major and minor versions of the packages that compute; bug-fix releases count as equal.

    Parameters
    ----------
    packages : sequence of str
        Names of installed distributions; nothing is imported.

    Returns
    -------
    dict of str to str
    """
    return {name: ".".join(version(name).split(".")[:2]) for name in packages}


def _digest(facts: object, arrays: Iterable[NDArray[np.generic]]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
