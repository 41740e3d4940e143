"""The leakage audit finds each kind of leak, and says what it looked at when there is none."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.audit import AuditedFeatures, AuditedSplit, AuditRecord, audit_leakage
from emoclip_clinic.regression.features import SessionKey, VideoContent
from emoclip_clinic.regression.splits import Fold, split_participants
from emoclip_clinic.study.scales import Scale

RNG = np.random.default_rng(8)


def content(participant: str, session: str, sha: str | None = None, **part: float) -> VideoContent:
    return VideoContent(
        participant, session, f"{participant}_{session}.mp4", sha or f"{participant}{session}", **part
    )


@dataclass(frozen=True)
class Fit:
    """Six participants with two sessions each, and nothing that leaks."""

    sessions: tuple[SessionKey, ...] = tuple((f"sub-{p}", f"ses-{s}") for p in range(6) for s in (1, 2))
    X: np.ndarray = field(default_factory=lambda: RNG.normal(size=(12, 4)))
    names: tuple[str, ...] = ("mean_e000", "mean_e001", "mean_e002", "mean_e003")
    kind: str = "embedding"
    Y: np.ndarray = field(default_factory=lambda: RNG.integers(1, 8, size=(12, 2)).astype(float))
    folds: tuple[Fold, ...] | None = None
    contents: tuple[VideoContent, ...] | None = None
    more: tuple[AuditedFeatures, ...] = ()

    def audit(self, scale: Scale, *, change: bool = False, further: np.ndarray | None = None) -> AuditRecord:
        groups = [participant for participant, _ in self.sessions]
        folds = split_participants(groups) if self.folds is None else self.folds
        contents = tuple(content(*key) for key in self.sessions) if self.contents is None else self.contents
        return audit_leakage(
            self.sessions,
            splits=[AuditedSplit("outer", folds, groups)],
            features=[AuditedFeatures("ridge", self.kind, self.X, self.names), *self.more],
            Y=self.Y,
            targets=("n1", "n2"),
            scale=scale,
            contents=contents,
            change=change,
            further_ratings=further,
        )

    def refused(
        self, scale: Scale, message: str, *, change: bool = False, further: np.ndarray | None = None
    ) -> None:
        with pytest.raises(RegressionError, match=message):
            self.audit(scale, change=change, further=further)


def test_a_clean_fit_passes_and_says_what_was_checked(toy: Scale) -> None:
    record = Fit().audit(toy)
    assert record.passed
    written = json.loads(json.dumps(record.to_json(), allow_nan=False))
    assert written["passed"] is True
    assert set(written["checks"]) == {"sessions", "splits", "videos", "features", "ratings"}
    assert {name: check["checked"] for name, check in written["checks"].items()} == {
        "sessions": "12 sessions of 6 participants",
        "splits": "6 folds of 12 rows (outer)",
        "videos": "12 recordings, 12 distinct files",
        "features": "4 (ridge)",
        "ratings": "4 features against 2 ratings and the names of toy",
    }
    assert all(check["violations"] == check["notes"] == [] for check in written["checks"].values())


def test_a_participant_on_both_sides_is_found(toy: Scale) -> None:
    fold = Fold(0, "fold-1", np.arange(3, 12), np.arange(3))  # sub-1 has rows 2 and 3
    Fit(folds=(fold,)).refused(toy, "outer, fold fold-1: sub-1 on both sides")


def test_a_naive_split_over_rows_is_found(toy: Scale) -> None:
    even = np.arange(0, 12, 2)
    Fit(folds=(Fold(0, "naive", even + 1, even),)).refused(
        toy, "sub-0, sub-1, sub-2, sub-3, sub-4 on both sides"
    )


def test_a_row_on_both_sides_is_found(toy: Scale) -> None:
    Fit(folds=(Fold(0, "f", np.arange(12), np.arange(2)),)).refused(toy, "a row is on both sides")


def test_a_fit_without_a_split_is_refused(toy: Scale) -> None:
    Fit(folds=()).refused(toy, "outer: no folds")
    with pytest.raises(RegressionError, match="No split was given"):
        audit_leakage((), splits=[], features=[], Y=np.empty((0, 1)), targets=["n1"], scale=toy, contents=[])


def test_the_same_video_under_two_participants_is_found(toy: Scale) -> None:
    contents = [content(*key) for key in Fit().sessions]
    contents[5] = replace(contents[5], sha256=contents[0].sha256)
    Fit(contents=tuple(contents)).refused(toy, "sub-0 ses-1 and sub-2 ses-2: the same video")


def test_parts_of_one_file_are_the_same_video_where_they_overlap(toy: Scale) -> None:
    contents = [content(*key) for key in Fit().sessions]
    contents[0] = content("sub-0", "ses-1", "shared", start_s=0.0, end_s=60.0)
    contents[2] = content("sub-1", "ses-1", "shared", start_s=60.0)
    record = Fit(contents=tuple(contents)).audit(toy)
    assert record.checks["videos"].notes == (
        "sub-0 ses-1 and sub-1 ses-1: different parts of the same video (sub-0_ses-1.mp4).",
    )
    contents[2] = content("sub-1", "ses-1", "shared", start_s=59.0, end_s=99.0)
    Fit(contents=tuple(contents)).refused(toy, "the same video")


def test_one_participants_sessions_with_the_same_video_are_noted(toy: Scale) -> None:
    contents = [content(*key) for key in Fit().sessions]
    contents[1] = replace(contents[1], sha256=contents[0].sha256)
    contents[2] = replace(contents[2], sha256=None)
    notes = Fit(contents=tuple(contents)).audit(toy).checks["videos"].notes
    assert "sub-0 ses-1 and sub-0 ses-2: the same video in two sessions" in notes[0]
    assert "1 recordings have no hash" in notes[1]


def test_a_copy_in_another_container_is_found_by_its_embeddings(toy: Scale) -> None:
    X = RNG.normal(size=(12, 4))
    X[7] = X[0]
    Fit(X=X).refused(toy, "sub-0 ses-1 and sub-3 ses-2: equal embeddings")
    assert Fit(X=X, kind="camera").audit(toy).passed  # two sessions may share a camera
    X[7] = RNG.normal(size=4)
    X[1] = X[0]
    assert Fit(X=X).audit(toy).passed  # one participant


def test_a_session_whose_video_is_not_known_is_refused(toy: Scale) -> None:
    Fit(contents=tuple(content(*key) for key in Fit().sessions[1:])).refused(
        toy, "sub-0 ses-1: no video is known"
    )


@pytest.mark.parametrize(
    "name", ["n1", "N1", "total", "toy_blunted", "n2_missing", "n1=3", "n1 Blunted affect"]
)
def test_a_rating_among_the_features_is_found_by_name(toy: Scale, name: str) -> None:
    Fit(names=("age", name, "sex=F", "sex=M"), kind="covariates").refused(toy, "of toy")


@pytest.mark.parametrize(
    ("name", "said"),
    [("BPRS_total", "total of bprs24"), ("hamd3", "hamd3 of hamd17"), ("panss_g", "of panss")],
)
def test_a_rating_of_another_scale_is_no_covariate(toy: Scale, name: str, said: str) -> None:
    Fit(names=("age", name, "sex=F", "sex=M"), kind="covariates").refused(toy, said)


def test_bare_names_of_other_scales_scores_are_no_ratings(toy: Scale) -> None:
    record = Fit(names=("age", "exp", "map", "general"), kind="covariates").audit(toy)
    assert record.passed


@pytest.mark.parametrize("unit", [(1.0, 0.0), (-3.0, 20.0), (0.01, 5.0)])
def test_a_rating_under_another_name_is_found_by_its_values(toy: Scale, unit: tuple[float, float]) -> None:
    fit = Fit()
    X = fit.X.copy()
    X[:, 2] = (unit[0] * fit.Y[:, 1] + unit[1]).astype(np.float32)
    replace(fit, X=X, kind="covariates").refused(toy, "mean_e002 is n2 in other units")


def test_a_rating_with_gaps_is_found_by_its_values(toy: Scale) -> None:
    fit = Fit()
    X, Y = fit.X.copy(), fit.Y.copy()
    X[:, 0] = Y[:, 0]
    Y[[1, 4], 0] = np.nan
    replace(fit, X=X, Y=Y).refused(toy, "mean_e000 is n1 in other units")


def test_a_covariate_may_have_gaps_and_is_compared_where_it_has_none(toy: Scale) -> None:
    fit = Fit()
    X = fit.X.copy()
    X[[0, 3], 1] = np.nan
    assert replace(fit, X=X, kind="covariates").audit(toy).passed
    replace(fit, X=X).refused(toy, "2 values are not finite, the first in row 0, mean_e001")
    replace(fit, X=np.where(np.isnan(X), np.inf, X), kind="covariates").refused(toy, "not finite")
    X[:, 1] = np.where(np.isnan(X[:, 1]), np.nan, 20 - 3 * fit.Y[:, 1])
    replace(fit, X=X, kind="covariates").refused(toy, "mean_e001 is n2 in other units")


@pytest.mark.parametrize(("column", "said"), [(0, "mean n1"), (1, "first n1"), (2, "last n1")])
def test_a_rating_of_a_persons_sessions_is_found_in_a_column_of_persons(
    toy: Scale, column: int, said: str
) -> None:
    """A table of participants has one cell for each person, and these have two sessions or one."""
    sessions = tuple((f"sub-{p}", f"ses-{s}") for p in range(9) for s in (1, 2) if p or s == 1)
    first, last = RNG.permutation(9) + 0.0, RNG.permutation(9) * 3.0
    last[0] = first[0]
    rating = np.array([(first, last)[session == "ses-2"][int(name[4:])] for name, session in sessions])
    person = np.column_stack([(first + last) / 2, first, last])[:, column] * -2 + 1
    X = np.array([person[int(name[4:])] for name, _ in sessions])[:, None]
    fit = Fit(sessions=sessions, X=X, names=("severity",), kind="covariates", Y=rating[:, None].repeat(2, 1))
    fit.refused(toy, f"severity is each participant's {said}")
    gap = np.vstack([[[np.nan]], X[1:]])
    replace(fit, X=gap).refused(toy, f"severity is each participant's {said}")
    ages = RNG.normal(size=9)
    X_ages = np.array([ages[int(name[4:])] for name, _ in sessions])[:, None]
    assert replace(fit, X=X_ages).audit(toy).passed
    some = tuple(k for k, (name, _) in enumerate(sessions) if int(name[4:]) < 7)  # may be in line by chance
    few = replace(fit, sessions=tuple(sessions[k] for k in some), X=X[list(some)], Y=fit.Y[list(some)])
    assert few.audit(toy).passed


def test_what_may_be_chance_is_no_leak(toy: Scale) -> None:
    """A group coded 0 and 1 may equal a rating with two values; six rows may be in line."""
    fit = Fit()
    X, Y = fit.X.copy(), fit.Y.copy()
    Y[:, 0] = np.repeat([1.0, 2.0], 6)
    X[:, 0] = Y[:, 0] - 1
    Y[6:, 1] = np.nan
    X[:6, 1] = Y[:6, 1] * 10
    assert replace(fit, X=X, Y=Y, kind="covariates").audit(toy).passed


def test_the_baseline_rating_is_admitted_for_change_scores_only(toy: Scale) -> None:
    baseline = RNG.integers(1, 8, size=(12, 1)).astype(float)
    fit = Fit(more=(AuditedFeatures("baseline n1", "baseline-rating", baseline, ("n1",)),))
    record = fit.audit(toy, change=True, further=baseline)
    assert record.checks["ratings"].notes == (
        "baseline n1: the baseline rating is admitted as the comparator of change.",
    )
    fit.refused(toy, "admitted for change scores only")
    X = fit.X.copy()
    X[:, 3] = baseline[:, 0]
    replace(fit, X=X).refused(toy, "mean_e003 is further rating 1", change=True, further=baseline)


def test_values_that_are_not_finite_are_found(toy: Scale) -> None:
    X = RNG.normal(size=(12, 4))
    X[3, 1], X[4, 2] = np.nan, np.inf
    Fit(X=X).refused(toy, "2 values are not finite, the first in row 3, mean_e001")


def test_features_must_have_names_of_their_own_and_all_rows(toy: Scale) -> None:
    Fit(names=("a", "a", "b", "c"), kind="camera").refused(toy, "same name")
    Fit(X=np.zeros((11, 4)), kind="camera").refused(toy, r"shape \(11, 4\) instead of \(12, 4\)")


def test_sessions_must_be_rows_once_and_participants_spelled_once(toy: Scale) -> None:
    sessions = (*Fit().sessions[:11], ("sub-0", "ses-1"))
    Fit(sessions=sessions).refused(toy, "sub-0 ses-1 is in several rows")
    named = tuple((p.replace("sub-5", "sub-A" if s == "ses-1" else "sub-a"), s) for p, s in Fit().sessions)
    Fit(sessions=named).refused(toy, "sub-A and sub-a differ in letter case")


def test_all_leaks_are_told_at_once(toy: Scale) -> None:
    X = RNG.normal(size=(12, 4))
    X[0, 0] = np.nan
    fold = Fold(0, "f", np.arange(3, 12), np.arange(3))
    with pytest.raises(RegressionError) as error:
        Fit(X=X, names=("n1", "b", "c", "d"), folds=(fold,)).audit(toy)
    for text in ("both sides", "not finite", "n1 is n1 of toy"):
        assert text in str(error.value)
