"""Real ratings of 142 people: they load, check and score, and published sub-scores equal ours.

Data set ds000030 (Poldrack et al. 2016, doi 10.1038/sdata.2016.110, CC0), optional test material.
"""

from pathlib import Path

import pandas as pd
import pytest

from emoclip_clinic.errors import RatingsError
from emoclip_clinic.study.ratings import (
    ReadOptions,
    check_ratings,
    import_ratings,
    load_ratings,
    read_ratings,
    session_targets,
)
from emoclip_clinic.study.scales import load_scale, scale_scores

pytestmark = pytest.mark.oracle

PUBLISHED_DECIMALS = 1e-6
BPRS = ("positive", "negative", "mania", "depanx")
SANS = tuple(
    f"{kind}_{what}"
    for kind in ("factor", "global")
    for what in ("bluntaffect", "alogia", "avolition", "anhedonia", "attention")
)
SAPS = tuple(
    f"{kind}_{what}"
    for kind in ("factor", "global")
    for what in ("hallucinations", "delusions", "bizarrebehav", "posformalthought", "inappaffect")
)


@pytest.fixture
def phenotype(shared: Path) -> Path:
    return shared / "ratings" / "ds000030" / "phenotype"


@pytest.mark.parametrize(
    ("scale", "file", "n_rated"), [("bprs24", "bprs", 142), ("sans", "sans", 100), ("saps", "saps", 100)]
)
def test_loads_and_checks_without_error(phenotype: Path, scale: str, file: str, n_rated: int) -> None:
    ratings = read_ratings(phenotype / f"{file}.tsv", load_scale(scale))
    assert len(ratings.frame) == 272
    assert len(ratings.rated) == n_rated
    problems = check_ratings(ratings)
    assert not any(problem.is_error for problem in problems)
    # A few rows state the mean of the items that are present. We call such a score missing, and say so.
    assert {problem.kind for problem in problems} <= {"sum-over-missing"}
    assert all("mean of the items that are present" in (problem.hint or "") for problem in problems)
    assert len(problems) == {"bprs24": 3, "sans": 0, "saps": 3}[scale]


@pytest.mark.parametrize(
    ("scale", "file", "prefix", "scores"),
    [("bprs24", "bprs", "bprs_", BPRS), ("sans", "sans", "", SANS), ("saps", "saps", "", SAPS)],
)
def test_published_sub_scores_equal_ours(
    phenotype: Path, scale: str, file: str, prefix: str, scores: tuple[str, ...]
) -> None:
    """Factor scores leave the global ratings out.

    Where a score is published and ours is missing, it is the mean of the items that are present.
    """
    one = load_scale(scale)
    ratings = read_ratings(phenotype / f"{file}.tsv", one)
    ours = scale_scores(ratings.frame, one)
    published = pd.read_csv(phenotype / f"{file}.tsv", sep="\t", na_values="n/a")
    for score in scores:
        theirs = published[f"{prefix}{score}"]
        both = theirs.notna() & ours[score].notna()
        assert both.sum() >= 97
        assert (theirs[both] - ours.loc[both, score]).abs().max() <= PUBLISHED_DECIMALS
        assert not (theirs.isna() & ours[score].notna()).any()
        only_theirs = theirs.notna() & ours[score].isna()
        present = ratings.frame.loc[only_theirs, list(one.score(score).items)]
        assert present.isna().any(axis=1).all()
        if only_theirs.any():
            assert (theirs[only_theirs] - present.mean(axis=1)).abs().max() <= PUBLISHED_DECIMALS


def test_hamd17_is_not_the_published_sum(phenotype: Path) -> None:
    """The published hamd_17 adds 16A and 16B and counts missing as 0.

    Ours has one item 16, and a gap is no 0.
    """
    scale = load_scale("hamd17")
    path = phenotype / "hamilton.tsv"
    # hamd_17 is a total, and reads like item 17: which is meant must be said.
    with pytest.raises(RatingsError, match="hamd_17, hamilton17"):
        read_ratings(path, scale)
    mapping = {"hamd16": "hamilton16a", "hamd17": "hamilton17"}
    ratings = read_ratings(path, scale, options=ReadOptions(mapping=mapping))
    assert not any(problem.is_error for problem in check_ratings(ratings))
    ours = scale_scores(ratings.frame, scale)["total"]
    published = pd.read_csv(path, sep="\t", na_values=["n/a", "-9999"])
    items = [f"hamilton{n}" for n in range(1, 18) if n != 16]
    imitation = published[[*items, "hamilton16a", "hamilton16b"]].sum(axis=1, min_count=1)
    rated = published["hamd_17"].notna()
    assert (published["hamd_17"] == imitation)[rated].all()
    # the differences, one by one: 16B was counted on top, or an item is missing
    differs = rated & (ours != published["hamd_17"])
    assert (published["hamilton16b"].gt(0) | ratings.frame[list(scale.item_ids)].isna().any(axis=1))[
        differs
    ].all()
    assert differs.sum() == 10
    assert (rated & ours.isna()).sum() == 4


def test_missing_code_of_the_weight_item(phenotype: Path) -> None:
    mapping = {"hamd16": "hamilton16b", "hamd17": "hamilton17"}
    ratings = read_ratings(
        phenotype / "hamilton.tsv", load_scale("hamd17"), options=ReadOptions(mapping=mapping)
    )
    reasons = ratings.missing.loc[ratings.missing["item"] == "hamd16", "reason"].value_counts()
    assert reasons.to_dict() == {"empty": 169, "code -9999": 27}


def test_imported_and_read_back_unchanged(phenotype: Path, tmp_path: Path) -> None:
    scale = load_scale("sans")
    done = import_ratings(phenotype / "sans.tsv", scale, study=tmp_path)
    back = load_ratings(tmp_path, scale)
    pd.testing.assert_frame_equal(back.frame, done.ratings.frame)
    targets = session_targets(back)
    assert len(targets.table) == 100
    assert targets.missing["target"].tolist() == ["sans21", "global_anhedonia", "globals_total"]


def test_the_24_items_are_not_taken_for_the_18(phenotype: Path) -> None:
    with pytest.raises(RatingsError, match="Use --scale bprs24"):
        read_ratings(phenotype / "bprs.tsv", load_scale("bprs18"))
    with pytest.raises(RatingsError, match="Use --scale sans"):
        read_ratings(phenotype / "sans.tsv", load_scale("sans25"))
