"""How the parts of an error become one message."""

import pytest

from emoclip_clinic.errors import StudyError, did_you_mean, suggestions


def test_the_four_parts_are_one_text() -> None:
    error = StudyError("A row must be valid", found=3, where="a.tsv", hint="Correct it.")
    assert str(error) == "a.tsv: A row must be valid. Found: 3. Correct it."


@pytest.mark.parametrize("found", ["P.", "who?", "so..."])
def test_what_was_found_ends_with_one_mark(found: str) -> None:
    assert str(StudyError("A rule", found=found)) == f"A rule. Found: {found}"


@pytest.mark.parametrize("found", [["line 2: a", "line 3: b"], "\n  line 2: a\n  line 3: b\n"])
def test_several_findings_have_a_line_each(found: object) -> None:
    error = StudyError("Rows must be valid", found=found, where="a.tsv", hint="Correct them.")
    assert error.found_lines == ("line 2: a", "line 3: b")
    assert str(error) == "a.tsv: Rows must be valid.\nFound:\n  line 2: a\n  line 3: b\nCorrect them."


def test_a_list_of_one_finding_is_told_on_the_same_line() -> None:
    assert (
        str(StudyError("Rows must be valid", found=["line 2: a"])) == "Rows must be valid. Found: line 2: a."
    )


def test_nothing_found_is_not_mentioned() -> None:
    assert str(StudyError("A rule")) == "A rule."
    assert StudyError("A rule").found_lines == ()


def test_the_closest_option_is_offered_else_all_of_them() -> None:
    assert did_you_mean("lagest", ["largest", "left"]) == "Did you mean 'largest'?"
    assert did_you_mean("xyz", ["left", "largest"]) == "Choose one of: largest, left."


def test_options_for_several_values_are_listed_once() -> None:
    options = ["path", "task"]
    assert suggestions(["pat"], options) == "Did you mean 'path'?"
    assert suggestions(["pat", "tsk"], options) == (
        "For 'pat', did you mean 'path'? For 'tsk', did you mean 'task'?"
    )
    assert suggestions(["xyz", "pat", "uvw"], options) == (
        "For 'pat', did you mean 'path'? Choose one of: path, task."
    )


def test_the_statement_leaves_out_what_to_do() -> None:
    error = StudyError("A row must be valid", found=3, where="a.tsv", hint="Correct it.")
    assert error.statement == "a.tsv: A row must be valid. Found: 3."
