"""From segment tables to out-of-fold predictions: a planted signal is found, and the audit watches."""

from collections.abc import Callable

import numpy as np

from emoclip_clinic.regression import (
    AuditedFeatures,
    AuditedSplit,
    audit_leakage,
    camera_design,
    camera_table,
    join_change,
    join_targets,
    load_segment_rows,
    mean_over_segments,
    nested_predict,
    read_covariates,
    session_features,
    split_participants,
)
from emoclip_clinic.regression.features import session_keys
from emoclip_clinic.study.ratings import Targets
from emoclip_clinic.study.scales import Scale
from tests.regression.written_study import WrittenStudy

N = 24


def plant(written: WrittenStudy, rate: Callable[..., Targets]) -> Targets:
    """Two sessions each; the first dimension of the embedding follows n1, and n2 is chance."""
    rng = np.random.default_rng(11)
    rows, ages = [], []
    for person in range(N):
        ages.append(f"{person:02}\t{rng.integers(18, 70)}\t{'FM'[person % 2]}")
        for session in (1, 2):
            n1, n2 = rng.integers(1, 8, size=2)
            embeddings = rng.normal(size=(int(rng.integers(6, 14)), 5))
            embeddings[:, 0] += 3.0 * n1
            frames = {"brightness": list(rng.uniform(50, 200, size=3))}
            written.write(f"sub-{person:02}", f"ses-{session}", embeddings, frames=frames)
            rows.append((f"{person:02}", session, "A", n1, n2))
    table = "\n".join(["participant_id\tage\tsex", *ages]) + "\n"
    written.study.participants_tsv.write_text(table, encoding="utf-8")
    return rate(*rows)


def skill(Y: np.ndarray, predictions: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    return 1 - ((Y - predictions) ** 2).sum(axis=0) / ((Y - baseline) ** 2).sum(axis=0)


def test_levels_from_sessions_and_from_segments(
    written: WrittenStudy, rate: Callable[..., Targets], toy: Scale
) -> None:
    targets = plant(written, rate)
    features = session_features(written.study)
    joined = join_targets(features, targets, which=["n1", "n2"])
    folds = split_participants(joined.groups)
    covariates = read_covariates(written.study, joined.groups)
    camera = camera_design(camera_table(written.study, joined.keys))
    rows = load_segment_rows(written.study, joined.sessions)
    record = audit_leakage(
        joined.keys,
        splits=[
            AuditedSplit("outer", folds, joined.groups),
            AuditedSplit("outer, segment level", split_participants(rows.groups), rows.groups),
        ],
        features=[
            AuditedFeatures("ridge", "embedding", joined.X, joined.feature_names),
            AuditedFeatures("covariates", "covariates", covariates.X, covariates.names),
            AuditedFeatures("camera", "camera", camera.X, camera.names),
        ],
        Y=joined.Y,
        targets=joined.targets,
        scale=toy,
        contents=features.contents,
    )
    assert record.passed
    by_session = nested_predict(joined.X, joined.Y, joined.groups, outer=folds)
    found = skill(joined.Y, by_session.predictions, by_session.baseline)
    assert found[0] > 0.9
    assert found[1] < 0.2
    by_segment = nested_predict(
        rows.X, rows.inherited(joined.Y), rows.groups, sample_weight=rows.weight, inner=5
    )
    sessions = mean_over_segments(by_segment.predictions, rows.session, n_sessions=len(joined.Y))
    found = skill(joined.Y, sessions, by_session.baseline)
    assert found[0] > 0.9
    assert found[1] < 0.2
    for design in (covariates, camera):
        other = nested_predict(design.X, joined.Y, joined.groups)
        assert (skill(joined.Y, other.predictions, other.baseline) < 0.2).all()


def test_change_is_predicted_from_the_change_of_the_video(
    written: WrittenStudy, rate: Callable[..., Targets], toy: Scale
) -> None:
    targets = plant(written, rate)
    joined = join_change(session_features(written.study), targets, toy, baseline="ses-1", which=["n1", "n2"])
    assert set(session_keys(joined.sessions)) == {(f"sub-{k:02}", "ses-2") for k in range(N)}
    video = nested_predict(joined.X, joined.Y, joined.groups)
    found = skill(joined.Y, video.predictions, video.baseline)
    assert found[0] > 0.9
    assert found[1] < 0.2
    # Random ratings regress to the mean: the baseline alone explains half of the variance of change.
    assert joined.baseline_ratings is not None
    for column in range(2):
        comparator = nested_predict(joined.baseline_ratings[:, [column]], joined.Y[:, column], joined.groups)
        assert skill(joined.Y[:, column], comparator.predictions, comparator.baseline) > 0.2
