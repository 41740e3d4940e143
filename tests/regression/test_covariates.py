"""Covariates as numbers: levels, missing values, and columns that cannot be meant."""

import math

import numpy as np
import pandas as pd
import pytest

from emoclip_clinic.errors import RegressionError, StudyError
from emoclip_clinic.regression.covariates import participant_columns, read_covariates
from emoclip_clinic.regression.design import make_design_table
from tests.regression.written_study import WrittenStudy

GROUPS = ["sub-01", "sub-01", "sub-02", "sub-03", "sub-04"]


def participants(written: WrittenStudy, *lines: str) -> None:
    text = "\n".join(line.replace("|", "\t") for line in lines) + "\n"
    written.study.participants_tsv.write_text(text, encoding="utf-8")


def test_numbers_and_levels_stand_in_one_row_for_each_session(written: WrittenStudy) -> None:
    participants(
        written,
        "participant_id|age|sex|site|iq",
        "01|20|F|1|90",
        "02|30|M|2|95",
        "03|40|F|1|99",
        "4|9|M|1|80",
        "04|50|M|2|80",
    )
    design = read_covariates(written.study, GROUPS)
    assert design.names == ("age", "sex=F", "sex=M", "site=1", "site=2")
    assert design.columns == {"age": "number", "sex": "category", "site": "category"}
    expected = [[20, 1, 0, 1, 0], [20, 1, 0, 1, 0], [30, 0, 1, 0, 1], [40, 1, 0, 1, 0], [50, 0, 1, 0, 1]]
    np.testing.assert_array_equal(design.X, expected)
    assert set(design.n_missing.values()) == {0}


def test_missing_values_are_counted_and_marked_and_left_to_each_training_set(written: WrittenStudy) -> None:
    participants(written, "participant_id|age|sex", "01|20|F", "02|n/a|M", "03|40|n/a")
    design = read_covariates(written.study, GROUPS)  # sub-04 is not in the table
    assert design.n_missing == {"age": 2, "sex": 2}
    assert design.names == ("age", "age_missing", "sex=F", "sex=M", "sex=n/a")
    np.testing.assert_array_equal(design.X[:, 0], [20, 20, np.nan, 40, np.nan])
    np.testing.assert_array_equal(design.X[:, 1], [0, 0, 1, 0, 1])
    np.testing.assert_array_equal(design.X[:, 2:].sum(axis=1), 1)
    assert np.isfinite(design.X[:, 1:]).all()


def test_a_column_that_says_nothing_is_dropped_with_the_reason(written: WrittenStudy) -> None:
    participants(
        written, "participant_id|age|sex|site", "01|20|F|n/a", "02|30|F|n/a", "03|31|F|n/a", "04|32|F|n/a"
    )
    design = read_covariates(written.study, GROUPS)
    assert design.names == ("age",)
    assert design.dropped == {"sex": "the same value everywhere", "site": "no values"}


def test_without_a_table_there_are_no_covariates(written: WrittenStudy) -> None:
    assert read_covariates(written.study, GROUPS).X.shape == (5, 0)
    with pytest.raises(StudyError, match="table of participants"):
        read_covariates(written.study, GROUPS, columns=["age"])


def test_columns_are_chosen_by_name(written: WrittenStudy) -> None:
    participants(
        written, "participant_id|Age|ward|diagnosis", "01|20|3|0", "02|30|5|1", "03|31|3|1", "04|32|5|0"
    )
    assert read_covariates(written.study, GROUPS).names == ("Age",)
    assert read_covariates(written.study, GROUPS, columns=["age", "ward"]).names == ("Age", "ward")
    chosen = read_covariates(written.study, GROUPS, columns=["WARD", "diagnosis"], categorical=["Ward"])
    assert chosen.names == ("ward=3", "ward=5", "diagnosis=0", "diagnosis=1")
    with pytest.raises(RegressionError, match="Did you mean 'ward'"):
        read_covariates(written.study, GROUPS, columns=["wards"])
    with pytest.raises(RegressionError, match="categorical covariate"):
        read_covariates(written.study, GROUPS, columns=["age"], categorical=["ward"])
    assert participant_columns(written.study, GROUPS, columns=["ward"])["ward"].tolist() == [3, 3, 5, 3, 5]


def test_ages_that_are_no_numbers_are_refused(written: WrittenStudy) -> None:
    participants(written, "participant_id|age", "01|20", "02|89+", "03|31", "04|32")
    with pytest.raises(RegressionError, match=r"'89\+'"):
        read_covariates(written.study, GROUPS)


def test_a_column_of_identifiers_is_refused() -> None:
    table = pd.DataFrame({"initials": [f"a{k}" for k in range(20)]})
    with pytest.raises(RegressionError, match="20 levels in 20 rows"):
        make_design_table(table)


def test_an_infinite_number_is_refused() -> None:
    with pytest.raises(RegressionError, match="infinite"):
        make_design_table(pd.DataFrame({"age": [1.0, math.inf, 2.0]}))


def test_truth_values_are_numbers() -> None:
    design = make_design_table(pd.DataFrame({"medicated": [True, False, True]}))
    np.testing.assert_array_equal(design.X, [[1], [0], [1]])
