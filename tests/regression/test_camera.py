"""Camera and room: descriptors of a session from frame tables and sidecars."""

import numpy as np
import pytest

from emoclip_clinic.errors import RegressionError
from emoclip_clinic.regression.camera import CAMERA_COLUMNS, camera_change_table, camera_design, camera_table
from tests.regression.written_study import WrittenStudy

EMBEDDINGS = np.ones((6, 2))


def test_descriptors_of_one_recording(written: WrittenStudy) -> None:
    frames = {
        "brightness": [100.0, 120.0, 170.0],
        "sharpness": [0.2, 0.4, 0.3],
        "face_px": [60.0, 90.0, 72.0],
        "around_red": [120.0, 130.0, 140.0],
        "around_green": [60.0, 50.0, 70.0],
        "around_blue": [90.0, 80.0, 10.0],
    }
    written.write("sub-01", "ses-1", EMBEDDINGS, frames=frames)
    table = camera_table(written.study, [("sub-01", "ses-1")])
    assert list(table.columns) == [column.name for column in CAMERA_COLUMNS]
    found = table.iloc[0].to_dict()
    assert found.pop("codec") == "h264"
    assert found.pop("container") == "mp4"
    assert found == pytest.approx(
        {
            "width_px": 640,
            "height_px": 360,
            "source_fps": 25,
            "kbit_per_s": 80.0,  # 8 Mbit in 100 s
            "brightness": 120,
            "sharpness": 0.3,
            "face_px": 72,
            "face_share": 0.2,
            "face_x": 0.25,  # (100 + 220) / 2 / 640
            "face_y": 0.25,  # (60 + 120) / 2 / 360
            "around_red": 130,
            "around_green": 60,
            "around_blue": 80,
        }
    )


def test_a_session_of_two_cameras(written: WrittenStudy) -> None:
    dark, bright = {"brightness": [10.0, 20.0, 30.0]}, {"brightness": [200.0, 210.0, 220.0]}
    written.write("sub-01", "ses-1", EMBEDDINGS, run="1", frames=dark)
    written.write(
        "sub-01",
        "ses-1",
        EMBEDDINGS,
        run="2",
        frames=bright,
        decode={"width": 1280, "height": 720, "codec": "vp9", "avg_fps": 30.0},
    )
    row = camera_table(written.study, [("sub-01", "ses-1")]).iloc[0]
    assert (row["width_px"], row["source_fps"], row["codec"]) == (960, 27.5, "h264+vp9")
    assert row["brightness"] == 115  # of six frames 10, 20, 30, 200, 210, 220
    assert (
        camera_table(written.study, [("sub-01", "ses-1")], tasks=["interview"]).iloc[0]["brightness"] == 115
    )


def test_what_a_file_does_not_say_is_missing_and_marked_in_the_design(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", EMBEDDINGS, decode={"avg_fps": None, "codec": None, "header_s": None})
    written.write("sub-02", "ses-1", EMBEDDINGS, size_bytes=None)
    written.write("sub-03", "ses-1", EMBEDDINGS, decode={"avg_fps": 50.0, "codec": "vp9"})
    keys = [(f"sub-0{k}", "ses-1") for k in (3, 1, 2)]
    table = camera_table(written.study, keys)
    assert table["source_fps"].tolist()[0] == 50
    assert np.isnan(table["source_fps"][1])
    assert np.isnan(table["kbit_per_s"][[1, 2]]).all()
    design = camera_design(table)
    assert {"source_fps", "source_fps_missing", "codec=h264", "codec=vp9", "codec=n/a"} <= set(design.names)
    assert design.dropped["width_px"] == "the same value everywhere"
    assert np.isnan(design.X).sum(axis=0)[design.names.index("kbit_per_s")] == 2
    assert design.X.shape == (3, len(design.names))


def test_a_session_without_a_face_has_no_descriptor_of_the_face(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", EMBEDDINGS, frames={"brightness": [np.nan] * 3})
    assert np.isnan(camera_table(written.study, [("sub-01", "ses-1")])["brightness"][0])


def test_a_session_without_result_is_refused(written: WrittenStudy) -> None:
    written.write("sub-01", "ses-1", EMBEDDINGS)
    with pytest.raises(RegressionError, match="none of sub-01 ses-2 and 1 more"):
        camera_table(written.study, [("sub-01", "ses-2"), ("sub-01", None)])


def test_the_change_of_camera_is_the_difference_of_numbers_and_the_pair_of_names(
    written: WrittenStudy,
) -> None:
    written.write("sub-01", "ses-1", EMBEDDINGS, frames={"brightness": [10.0, 20.0, 30.0]})
    written.write(
        "sub-01",
        "ses-2",
        EMBEDDINGS,
        frames={"brightness": [50.0, 60.0, 70.0]},
        decode={"codec": "vp9", "avg_fps": None},
    )
    before, after = (camera_table(written.study, [("sub-01", f"ses-{k}")]) for k in (1, 2))
    row = camera_change_table(before, after).iloc[0]
    assert list(row.index) == [f"{column.name}_change" for column in CAMERA_COLUMNS]
    assert (row["brightness_change"], row["codec_change"]) == (40.0, "h264 to vp9")
    assert row["container_change"] == "mp4 to mp4"
    assert np.isnan(row["source_fps_change"])
