"""Whole synthetic studies: what is written, what it shows, what is wrong on purpose, what is resumed."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.ratings import check_ratings, load_ratings, read_ratings
from emoclip_clinic.study.scales import load_scale
from emoclip_clinic.synthetic.cohort import draw_cohort
from emoclip_clinic.synthetic.study import (
    KNOWN_PROBLEMS,
    StudyPlan,
    plan_recordings,
    visible_faces,
    write_synthetic_study,
)
from emoclip_clinic.synthetic.study.behaviour import behave, behaviour_of
from emoclip_clinic.synthetic.study.recordings import drawn_frames
from emoclip_clinic.video import probe

PANSS, CAINS = load_scale("panss"), load_scale("cains")
SMALL = StudyPlan(participants=6, seconds=0.6)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory):
    return write_synthetic_study(tmp_path_factory.mktemp("made") / "study", (PANSS, CAINS), SMALL)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory):
    plan = replace(SMALL, with_problems=True)
    return write_synthetic_study(tmp_path_factory.mktemp("spoilt") / "study", (PANSS, CAINS), plan)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_session_has_a_video_and_ratings_of_each_scale(small) -> None:
    for recording in small.recordings:
        assert (small.study.root / recording.path).is_file()
    for scale in (PANSS, CAINS):
        ratings = load_ratings(small.study, scale)
        rated = set(zip(ratings.frame["participant_id"], ratings.frame["session_id"], strict=True))
        assert rated == {(one.participant_id, one.session_id) for one in small.recordings}
        assert not [problem for problem in check_ratings(ratings) if problem.is_error]


def test_videos_are_of_the_kinds_that_a_clinic_has(small) -> None:
    infos = {one.number: probe(small.study.root / one.path) for one in small.recordings}
    assert infos[1].rotation_deg == 90
    assert (infos[1].width, infos[1].height) == (272, 480)
    assert "mov" in infos[3].path.suffix
    assert infos[4].codec == "vp9"
    assert {infos[k].codec for k in (0, 1, 2, 3)} == {"h264"}
    uneven = next(one for one in small.recordings if one.variable_rate)
    assert len(set(np.round(np.diff(uneven.times_s), 4))) > 2
    assert np.all(np.diff(uneven.times_s) > 0)


def test_the_truth_says_what_was_drawn(small) -> None:
    truth = json.loads((small.study.root / "truth.json").read_text())
    assert [one["video"] for one in truth["sessions"]] == [one.path for one in small.recordings]
    first = truth["sessions"][0]["latents"]["blunting"]
    assert first == pytest.approx(small.cohort.latents["blunting"][0], abs=1e-4)
    assert truth["items"]["panss"]["n1"]["facial"]
    assert not truth["items"]["panss"]["p1"]["facial"]
    assert 0.5 < truth["items"]["panss"]["n1"]["human_human_r"] < 1


def test_the_same_plan_gives_the_same_files_whatever_the_number_of_processes(small, tmp_path: Path) -> None:
    again = write_synthetic_study(tmp_path / "again", (PANSS, CAINS), SMALL, workers=2)
    assert contents(again.study.root) == contents(small.study.root)


def test_what_is_there_is_kept_and_what_is_missing_is_drawn(small, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(small.study.root, folder)
    (folder / "truth.json").unlink()  # written last: the run was interrupted
    (folder / small.recordings[2].path).unlink()
    resumed = write_synthetic_study(folder, (PANSS, CAINS), SMALL)
    assert resumed.n_drawn == 1
    assert contents(folder) == contents(small.study.root)
    assert write_synthetic_study(folder, (PANSS, CAINS), SMALL).n_drawn == 0


def test_folders_with_other_content_are_refused(small, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StudyError, match="new or empty folder"):
        write_synthetic_study(tmp_path, (PANSS,), SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(StudyError, match="other settings"):
        write_synthetic_study(small.study.root, (PANSS, CAINS), replace(SMALL, seed=1))


def test_each_known_problem_is_made_and_noted(spoilt) -> None:
    assert {problem.kind for problem in spoilt.problems} == set(KNOWN_PROBLEMS)
    truth = json.loads((spoilt.study.root / "truth.json").read_text())
    assert truth["problems"] == [vars(problem) for problem in spoilt.problems]


def test_the_check_of_ratings_finds_what_is_wrong_with_them(spoilt) -> None:
    where = {problem.kind: problem.where for problem in spoilt.problems}
    ratings = read_ratings(spoilt.study.phenotype / "panss.tsv", PANSS)
    wrong = [problem for problem in check_ratings(ratings) if problem.is_error]
    assert [(one.kind, one.column, one.value) for one in wrong] == [("out-of-range", "p1", "9")]
    people = set(ratings.frame["participant_id"])
    assert where["no-video"] in people
    assert where["missing-ratings"].split()[0] not in people or "ses-2" in set(ratings.frame["session_id"])


def test_the_same_video_is_there_under_two_participants(spoilt) -> None:
    first, second = next(p.where for p in spoilt.problems if p.kind == "video-twice").split(" and ")
    root = spoilt.study.root
    assert (root / first).read_bytes() == (root / second).read_bytes()
    assert first.split("/")[1] != second.split("/")[1]


def behaviour(**latents: float):
    given = dict.fromkeys(("blunting", "slowing", "gaze_avoidance", "anxiety"), 0.0) | latents
    return behaviour_of(given, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("latent", "field", "sign"),
    [
        ("blunting", "amplitude", -1),
        ("blunting", "expressions_per_minute", -1),
        ("slowing", "onset_s", 1),
        ("slowing", "talk_share", -1),
        ("gaze_avoidance", "averted_share", 1),
        ("anxiety", "tension", 1),
        ("anxiety", "blinks_per_minute", 1),
    ],
)
def test_a_symptom_changes_what_it_should(latent: str, field: str, sign: int) -> None:
    values = [getattr(behaviour(**{latent: level}), field) for level in (-1.5, 0.0, 1.5)]
    assert np.all(sign * np.diff(values) > 0)


def test_behaviour_shows_in_the_tracks() -> None:
    t_s = np.arange(0, 60, 1 / 12.5)

    def tracks(**latents: float):
        return behave(behaviour(**latents), t_s, rng=np.random.default_rng(3))

    lively, _ = tracks(blunting=-2.0)
    blunted, _ = tracks(blunting=2.0)
    assert blunted.unit("lip_corner_pull").max() < 0.5 * lively.unit("lip_corner_pull").max()
    _, looks = tracks(gaze_avoidance=-2.0)
    _, avoids = tracks(gaze_avoidance=2.0)
    assert (np.abs(avoids.gaze_x) > 0.4).mean() > (np.abs(looks.gaze_x) > 0.4).mean() + 0.4
    calm, _ = tracks(anxiety=-2.0)
    tense, _ = tracks(anxiety=2.0)
    assert tense.unit("brow_lower").mean() > calm.unit("brow_lower").mean() + 0.3


def test_the_face_is_where_it_is_said_to_be() -> None:
    recordings = plan_recordings(draw_cohort(6, seed=2), seconds=0.5)
    for recording in recordings:
        box = visible_faces(recording)[0]
        assert 0 <= box[0] < box[2] <= recording.width
        assert 0 <= box[1] < box[3] <= recording.height
        frame = next(drawn_frames(recording))
        assert frame.shape == (recording.height, recording.width, 3)


def test_participants_are_no_training_identities_of_each_other() -> None:
    recordings = plan_recordings(draw_cohort(8, seed=0), seconds=0.2)
    faces = {one.number: next(drawn_frames(replace(one, has_interviewer=False))) for one in recordings}
    shapes = {k: v.tobytes() for k, v in faces.items()}
    assert len(set(shapes.values())) == len(shapes)


def test_the_bids_validator_finds_no_error(small) -> None:
    validator = shutil.which("bids-validator-deno")
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    said = subprocess.run(
        [validator, "--json", str(small.study.root)], capture_output=True, text=True, timeout=120
    )
    issues = json.loads(said.stdout)["issues"]["issues"]
    assert [one for one in issues if one["severity"] == "error"] == []


def test_a_study_with_problems_needs_enough_participants() -> None:
    with pytest.raises(StudyError, match="at least 6"):
        write_synthetic_study(Path("/nowhere"), (PANSS,), StudyPlan(participants=4))


def test_a_study_is_a_study(small) -> None:
    assert Study(small.study.root).participants_tsv.is_file()
