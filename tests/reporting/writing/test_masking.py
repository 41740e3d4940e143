"""Masked labels: stable, without order, and no output in which an identifier is left."""

from pathlib import Path

import pytest

from emoclip_clinic.errors import FormatError, ReportError
from emoclip_clinic.reporting.writing.masking import read_masks


def test_labels_stay_and_new_people_get_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "masks.tsv"
    masks = read_masks(path)
    first = masks.of("participant", ["sub-01", "sub-02", "=1+1", 'a"b'])
    masks.save()
    again = read_masks(path)
    assert again.of("participant", ["sub-02", 'a"b', "=1+1", "sub-01"]) == first
    later = again.of("participant", ["sub-00"])
    assert later["sub-00"] == "P005"


def test_labels_do_not_follow_the_order_of_the_identifiers(tmp_path: Path) -> None:
    people = [f"sub-{number:03}" for number in range(60)]
    labels = read_masks(tmp_path / "masks.tsv").of("participant", people)
    assert sorted(labels.values()) == [f"P{number:03}" for number in range(1, 61)]
    assert [labels[one] for one in people] != sorted(labels.values())


def test_sessions_keep_their_order(tmp_path: Path) -> None:
    labels = read_masks(tmp_path / "masks.tsv").of("session", ["ses-20260102", "ses-20250102"])
    assert labels == {"ses-20250102": "S001", "ses-20260102": "S002"}


@pytest.mark.parametrize("text", ["<td>sub-01</td>", "sub-01_ses-1.mp4", "<td>M&uuml;ller</td>", r"sub\-01"])
def test_an_identifier_in_an_output_is_refused(tmp_path: Path, text: str) -> None:
    masks = read_masks(tmp_path / "masks.tsv")
    masks.of("participant", ["sub-01"])
    masks.of("rater", ["Müller"])
    with pytest.raises(ReportError, match="no output may hold"):
        masks.check({"page.html": text})


def test_longer_and_shorter_identifiers_are_told_apart(tmp_path: Path) -> None:
    masks = read_masks(tmp_path / "masks.tsv")
    labels = masks.of("participant", ["sub-1", "sub-12"])
    assert masks.hide("sub-12, sub-1, sub-123") == f"{labels['sub-12']}, {labels['sub-1']}, sub-123"
    masks.check({"page.html": "sub-123"})


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "masks.tsv").write_text("kind\toriginal\tlabel\nparticipant\tsub-1\tsub-1\n")
    with pytest.raises(FormatError, match="table of masks"):
        read_masks(tmp_path / "masks.tsv")
