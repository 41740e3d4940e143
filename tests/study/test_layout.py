"""Where a study's files are."""

from pathlib import Path

import pytest

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings import Recording


def recording(session: str | None) -> Recording:
    return Recording(
        path=Path("/x.mp4"),
        participant_id="sub-01",
        session_id=session,
        task="talk",
        run=None,
        start_s=None,
        end_s=None,
        rotation_deg=None,
        subject_rule=None,
        source="bids",
        participant_original="01",
        session_original=None,
    )


def test_results_lie_in_bids_folders_under_their_recordings_name(study: Study) -> None:
    one = recording("ses-1")
    folder = study.root / "derivatives" / "emoclip-clinic" / "sub-01" / "ses-1" / "beh"
    name = "sub-01_ses-1_task-talk"
    assert study.folder(one) == folder
    assert study.frames_path(one) == folder / f"{name}_desc-frames_emoclip.parquet"
    assert study.segments_path(one) == folder / f"{name}_desc-segments_emoclip.parquet"
    assert study.tracks_path(one) == folder / f"{name}_desc-tracks_emoclip.parquet"
    assert study.thumbnails_path(one) == folder / f"{name}_desc-crops_emoclip.png"
    assert study.sidecar_path(one) == folder / f"{name}_emoclip.json"
    assert study.failed_path(one) == folder / f"{name}_emoclip-failed.json"


def test_a_recording_without_session_has_no_session_folder(study: Study) -> None:
    assert study.folder(recording(None)) == study.derivatives / "sub-01" / "beh"


def test_what_people_write_lies_at_the_top_and_what_we_write_in_the_derivatives(study: Study) -> None:
    for path in (
        study.participants_tsv,
        study.recordings_tsv,
        study.tracks_tsv,
        study.config_toml,
        study.protocols,
    ):
        assert path.parent == study.root
    for path in (
        study.status_tsv,
        study.identifiers_tsv,
        study.settings_toml,
        study.logs,
        study.fits,
        study.reports,
    ):
        assert path.parent == study.derivatives


def test_sidecars_and_failures_are_found_and_nothing_else(study: Study) -> None:
    for session in ("ses-1", None):
        one = recording(session)
        study.folder(one).mkdir(parents=True)
        for path in (study.sidecar_path(one), study.failed_path(one), study.frames_path(one)):
            path.touch()
    (study.folder(one) / "._sub-01_emoclip.json").touch()
    assert study.sidecar_paths() == tuple(sorted(study.sidecar_path(recording(s)) for s in ("ses-1", None)))
    assert study.failed_paths() == tuple(sorted(study.failed_path(recording(s)) for s in ("ses-1", None)))


def test_an_empty_study_has_no_results(study: Study) -> None:
    assert study.sidecar_paths() == ()
    assert study.failed_paths() == ()


def test_a_study_is_absolute_and_keeps_the_links_that_were_typed(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(study.root)
    monkeypatch.chdir(tmp_path)
    assert Study(Path("link")).root == tmp_path / "link"
    assert Study.of("link") == Study(tmp_path / "link")
    assert Study.of(study) is study


@pytest.mark.parametrize("name", ["absent", "file"])
def test_a_study_must_be_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="existing folder"):
        Study(tmp_path / name)


def test_paths_are_shown_from_the_study(study: Study) -> None:
    assert study.shown(study.root / "a b" / "c.mp4") == "a b/c.mp4"
    assert study.shown(Path("/elsewhere/c.mp4")) == "/elsewhere/c.mp4"
