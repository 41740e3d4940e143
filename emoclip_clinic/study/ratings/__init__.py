"""Clinicians' ratings: read from what groups export, checked cell by cell, kept in one form, pooled late."""

from emoclip_clinic.study.ratings.checking import check_ratings
from emoclip_clinic.study.ratings.normal_form import (
    Imported,
    import_ratings,
    load_ratings,
    ratings_path,
    write_empty_ratings,
)
from emoclip_clinic.study.ratings.problems import ERROR_KINDS, Problem, ProblemKind, raise_errors
from emoclip_clinic.study.ratings.reading import read_ratings
from emoclip_clinic.study.ratings.records import Ratings, RatingsSource, ReadOptions
from emoclip_clinic.study.ratings.row_keys import UNNAMED_RATER
from emoclip_clinic.study.ratings.targets import (
    CONSENSUS,
    RaterPolicy,
    Targets,
    missing_counts,
    rater_values,
    session_targets,
)

__all__ = [
    "CONSENSUS",
    "ERROR_KINDS",
    "UNNAMED_RATER",
    "Imported",
    "Problem",
    "ProblemKind",
    "RaterPolicy",
    "Ratings",
    "RatingsSource",
    "ReadOptions",
    "Targets",
    "check_ratings",
    "import_ratings",
    "load_ratings",
    "missing_counts",
    "raise_errors",
    "rater_values",
    "ratings_path",
    "read_ratings",
    "session_targets",
    "write_empty_ratings",
]
