"""The generated study: its files, its people, and its command."""

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.faces import FaceScanner, choose_subject, get_detector
from emoclip_clinic.synthetic import Person, interview_frames, write_interviews
from emoclip_clinic.synthetic.__main__ import main


def test_a_study_has_bids_names_and_a_participants_table(tmp_path: Path) -> None:
    study = tmp_path / "Étude une"
    written = write_interviews(study, participants=2, seconds=0.4, sessions=2)
    names = sorted(p.relative_to(study).as_posix() for p in study.rglob("*.mp4"))
    assert names == [
        f"interviews/sub-0{p}/ses-{s}/sub-0{p}_ses-{s}_task-interview_beh.mp4" for p in (1, 2) for s in (1, 2)
    ]
    assert sorted(w.path.relative_to(study).as_posix() for w in written) == names
    assert [w.has_interviewer for w in written] == [False, False, True, False]
    with (study / "participants.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [r["participant_id"] for r in rows] == ["sub-01", "sub-02"]
    assert all(19 <= int(r["age"]) < 65 and r["sex"] in "FM" for r in rows)
    with av.open(str(written[0].path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 10


def test_the_same_seed_gives_the_same_frames() -> None:
    first, second, other = (
        np.stack(list(interview_frames(Person.from_seed(1), seconds=0.2, width=160, height=90, seed=s)))
        for s in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert first.shape == (5, 90, 160, 3)


def test_the_participant_wins_over_the_interviewer() -> None:
    frames = interview_frames(
        Person.from_seed(2), seconds=3, fps=6.25, interviewer=Person.from_seed(7), liveliness=0.8, seed=20
    )
    scanner = FaceScanner(get_detector("mtcnn"))
    for index, image in enumerate(frames):
        scanner.add(index, index / 6.25, image)
    tracks = scanner.finish()
    decision = choose_subject(tracks, image_size=(640, 360))
    assert len(tracks.ids) == 2
    assert decision.margin > 0.5
    winner, second = decision.candidates
    assert winner.center_x < 0.5 < second.center_x
    assert winner.seconds == pytest.approx(second.seconds)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "s"), "--participants", "1", "--sessions", "1", "--seconds", "0.2"]) == 0
    assert "with an interviewer" in capsys.readouterr().out
    assert main([str(tmp_path / "s"), "--participants", "0"]) == 2
    assert "at least one participant" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([str(tmp_path / "s"), "--seconds", "long"])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StudyError, match="writable"):
        write_interviews(tmp_path / "file", participants=1, seconds=0.2)


def write_tiny(study: Path, participants: int = 1) -> None:
    write_interviews(study, participants=participants, sessions=1, seconds=0.2)


def contents(study: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "table",
    [
        "participant_id\tgroup\nsub-01\tpatient\n",
        "participant_id\tgroup\nsub-01\tgenerated\nsub-02\tpatient\n",
        "participant_id\tage\nsub-01\t40\n",
        "",
    ],
    ids=["patients", "mixed", "no group", "empty"],
)
def test_a_table_of_real_participants_is_never_replaced(tmp_path: Path, table: str) -> None:
    (tmp_path / "participants.tsv").write_text(table)
    before = contents(tmp_path)
    with pytest.raises(StudyError, match=r"must not replace.*participants\.tsv.*Choose another folder"):
        write_tiny(tmp_path)
    assert contents(tmp_path) == before


def test_a_real_video_is_never_replaced(tmp_path: Path) -> None:
    video = tmp_path / "interviews" / "sub-01" / "ses-1" / "sub-01_ses-1_task-interview_beh.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"hours of work")
    with pytest.raises(StudyError, match="must not replace"):
        write_tiny(tmp_path)
    assert contents(tmp_path) == {video: b"hours of work"}


def test_a_video_that_joined_a_generated_study_is_never_replaced(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    video = tmp_path / "interviews" / "sub-02" / "ses-1" / "sub-02_ses-1_task-interview_beh.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"hours of work")
    with pytest.raises(StudyError, match="sub-02"):
        write_tiny(tmp_path, participants=2)
    assert video.read_bytes() == b"hours of work"


def test_generated_interviews_can_be_written_again_also_over_an_interrupted_run(tmp_path: Path) -> None:
    write_tiny(tmp_path, participants=2)
    first = contents(tmp_path)
    (cut, *_) = (path for path in first if path.suffix == ".mp4")
    cut.write_bytes(b"half")
    write_tiny(tmp_path, participants=2)
    assert contents(tmp_path) == first
