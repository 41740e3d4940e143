"""Real clips from end to end: coverage, times, and no face where there is none."""

import csv
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from emoclip_clinic.extraction import extract_study
from emoclip_clinic.study import ExtractSettings, Study, load_frames, load_segments, read_sidecar
from tests.extraction.squares import recordings_of

# Share of the clip that shows the subject's face, as a person sees it.
COVERAGE = {
    "liveportrait_driving_d10": (0.98, 1.0),
    "liveportrait_driving_d13": (0.98, 1.0),
    "liveportrait_driving_d20": (0.98, 1.0),
    "openwillis_baseline": (0.98, 1.0),
    "openwillis_not_expressive": (0.98, 1.0),
    "pyfeat_WolfgangLanger_Pexels": (0.95, 1.0),
    "pyfeat_single_face": (0.98, 1.0),
    "pyfeat_face_noface": (0.30, 0.50),  # face, then a cartoon title
    "pyfeat_noface_face": (0.30, 0.50),  # title, then the face, then black
    "pyfeat_no_face": (0.0, 0.0),
    "facerec_short_hamilton_clip": (0.2, 0.9),  # several shots and people
}


@pytest.fixture(scope="module")
def study(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("real")
    lines = ["path\tparticipant_id"]
    for video in sorted((shared / "videos").glob("*.m??")):
        shutil.copy(video, folder)
        lines.append(f"{video.name}\t{video.stem.replace('_', '')}")
    (folder / "recordings.tsv").write_text("\n".join(lines) + "\n")
    study = Study(folder)
    settings = ExtractSettings(model="tiny-random", device="cpu", segment_frames=12, stride_frames=6)
    summary = extract_study(study, recordings_of(study), settings)
    assert (summary.n_failed, summary.n_no_face) == (0, 1)
    return study


@pytest.fixture(scope="module")
def sidecars(study: Study) -> dict:
    return {Path(s.input.path).stem: s for s in map(read_sidecar, study.sidecar_paths())}


@pytest.mark.parametrize("name", COVERAGE)
def test_coverage_is_what_a_person_sees(sidecars, name):
    least, most = COVERAGE[name]
    assert least <= sidecars[name].segments.coverage <= most


def test_a_clip_without_a_face_has_no_segment(study, sidecars):
    sidecar = sidecars["pyfeat_no_face"]
    assert sidecar.status == "no-face"
    assert sidecar.segments.n_ok == 0
    assert sidecar.subject.candidates == ()
    assert sidecar.recording.participant_id not in set(load_segments(study)["participant_id"])


def test_decoded_frames_are_those_of_the_manifest(shared, sidecars):
    with (shared / "videos" / "manifest.tsv").open(newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            sidecar = sidecars[Path(row["file"]).stem]
            assert sidecar.decode.n_frames_decoded == int(row["decoded_frames"])
            assert sidecar.decode.codec == row["codec"]
            assert not sidecar.decode.short


@pytest.mark.parametrize("name", COVERAGE)
def test_times_are_those_of_the_container(study, sidecars, name):
    """Also for the two files with a variable rate, whose nominal rates are far off."""
    (path,) = study.root.glob(f"{name}.m??")
    with av.open(str(path)) as container:
        shown = np.array(sorted(float(f.time) for f in container.decode(video=0)))
    frames = load_frames(study, participants=[sidecars[name].recording.participant_id])
    seen = frames.dropna(subset="t_s")
    nearest = shown[np.abs(shown[:, None] - seen["t_grid_s"].to_numpy()).argmin(axis=0)]
    assert len(seen) > 10
    np.testing.assert_allclose(
        np.abs(seen["t_s"] - seen["t_grid_s"]), np.abs(nearest - seen["t_grid_s"]), atol=2e-6
    )
    assert np.abs(seen["t_s"] - seen["t_grid_s"]).max() <= 0.5 / 6.25 + 1e-6
    assert np.isin(np.round(seen["t_s"], 6), np.round(shown, 6)).all()


def test_only_the_clip_with_several_people_is_flagged(sidecars):
    flagged = {name for name, sidecar in sidecars.items() if sidecar.flags}
    assert flagged == {"facerec_short_hamilton_clip"}
