"""The numbers of a result against a plain transcription of what they are meant to be."""

import av
import numpy as np
import pytest
from PIL import Image

from emoclip_clinic.encoder import EmoClip
from emoclip_clinic.extraction import extract_recording, extract_study
from emoclip_clinic.study import ExtractSettings, Study, load_frames, load_segments
from emoclip_clinic.study.formats import embedding_columns
from emoclip_clinic.synthetic import draw_counter, write_clip
from tests.extraction.squares import draw_squares, recordings_of, still

SAMPLE_FPS = 6.25


def decode_all(path):
    with av.open(str(path)) as container:
        frames = [(float(f.time), f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    return np.array([t for t, _ in frames]), [image for _, image in frames]


def nearest(times, grid_time):
    return int(np.argmin(np.abs(times - grid_time)))


@pytest.fixture(scope="module")
def model():
    return EmoClip.from_name("tiny-random", device="cpu")


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_segment_embeddings_equal_a_plain_transcription(tmp_path, model):
    """Decode everything, take the nearest frames, crop and resize with PIL, encode each window as a clip."""
    path = write_clip(tmp_path / "sub-01_beh.mp4", (draw_counter(i) for i in range(260)), fps=25)
    settings = ExtractSettings(model="tiny-random", detector="none", device="cpu", batch_size=7)
    extract_recording(path, study=tmp_path, settings=settings)
    segments = load_segments(tmp_path)

    times, images = decode_all(path)
    n_grid = 65
    clip = []
    for k in range(n_grid):
        image = images[nearest(times, k / SAMPLE_FPS)]
        height, width = image.shape[:2]
        side = max(height, width)
        rows = np.clip(np.arange(side) - (side - height) // 2, 0, height - 1)
        columns = np.clip(np.arange(side) - (side - width) // 2, 0, width - 1)
        square = Image.fromarray(image[rows[:, None], columns[None, :]])
        clip.append(np.asarray(square.resize((224, 224), Image.Resampling.BICUBIC)))
    starts = [0, 16, 32]
    expected = model.encode_video(np.stack([np.stack(clip[s : s + 32]) for s in starts])).numpy()

    assert segments["frame_start"].tolist() == starts
    np.testing.assert_allclose(segments["t_start_s"], np.array(starts) / SAMPLE_FPS, atol=1e-9)
    np.testing.assert_allclose(segments["t_end_s"], (np.array(starts) + 32) / SAMPLE_FPS, atol=1e-9)
    found = segments[embedding_columns(segments.columns)].to_numpy()
    for one, other in zip(found, expected, strict=True):
        assert relative(one, other) < 1e-5


def test_times_are_those_of_the_container(extracted):
    frames = load_frames(extracted, participants=["sub-01"])
    times, _ = decode_all(extracted.root / "sub-01_ses-1_beh.mp4")
    expected = [times[nearest(times, t)] for t in frames["t_grid_s"]]
    np.testing.assert_allclose(frames["t_s"], expected, atol=1e-9)
    np.testing.assert_allclose(frames["t_grid_s"], np.arange(50) / SAMPLE_FPS, atol=1e-9)


def test_colours_are_those_of_the_picture_outside_the_box(extracted):
    frames = load_frames(extracted, participants=["sub-02"])
    times, images = decode_all(extracted.root / "sub-02_ses-1_beh.mp4")
    assert (frames["status"] == "ok").all()
    for row in frames.iloc[::7].itertuples():
        image = images[nearest(times, row.t_grid_s)][1::2, 1::2].astype(float)  # 128 rows: every second one
        y, x = np.mgrid[1:128:2, 1:192:2] + 0.5
        inside = (row.box_x1 <= x) & (x < row.box_x2) & (row.box_y1 <= y) & (y < row.box_y2)
        expected = image[~inside].mean(axis=0)
        found = [row.around_red, row.around_green, row.around_blue]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert frames["around_blue"].mean() > frames["around_red"].mean()  # the other person's blue square


def test_gaps_are_held_within_a_segment_and_long_ones_reject_it(tmp_path, model, squares, settings):
    """The face is away from 3 s to 4 s, which is bridged, and from 10 s to 15 s."""

    def place(t_s):
        return None if 3 <= t_s < 4 or 10 <= t_s < 15 else (40, 30, 60)

    write_clip(tmp_path / "sub-01_beh.mp4", draw_squares(25, red=place))
    study = Study(tmp_path)
    extract_study(study, recordings_of(study), settings)
    frames = load_frames(study)
    away = frames["t_s"].between(3, 4, inclusive="left")
    assert set(frames.loc[away, "status"]) == {"no-face"}
    assert set(frames.loc[away, "box_source"]) == {"bridged"}
    assert frames.loc[away, "reason"].unique().tolist() == ["the detector did not find the face"]
    segments = load_segments(study, status=None).set_index("segment")
    first = segments.loc[0]
    n_away = int(away.sum())
    assert (first["status"], first["n_ok"], first["n_held"]) == ("ok", 32 - n_away, n_away)
    columns = embedding_columns(frames.columns)
    window = frames.iloc[:32]
    valid = np.flatnonzero(window["status"] == "ok")
    filled = window[columns].to_numpy(np.float32)[[valid[np.argmin(np.abs(valid - i))] for i in range(32)]]
    expected = model.encode_segments(filled[None]).numpy()[0]
    assert relative(first[columns].to_numpy(float), expected) < 1e-5
    rejected = segments[segments["status"] == "rejected"]
    assert set(rejected["reason"]) == {"no-face"}
    assert rejected["e000"].isna().all()
    assert (rejected["coverage"] < 0.75).all()
    assert (segments.loc[segments["status"] == "ok", "coverage"] >= 0.75).all()


def test_rotation_overrides_and_parts_of_a_video(tmp_path, settings):
    """Two sessions in one file, told apart by recordings.tsv; the second lies on its side."""
    write_clip(tmp_path / "both.mp4", draw_squares(12, red=still(20, 30, 60)))
    (tmp_path / "recordings.tsv").write_text(
        "path\tparticipant_id\tsession_id\tstart_s\tend_s\trotation\n"
        "both.mp4\tP-01\tone\t0\t6\tn/a\n"
        "both.mp4\tP-01\ttwo\t6\t12\t90\n"
    )
    study = Study(tmp_path)
    assert extract_study(study, recordings_of(study), settings).n_ok == 2
    segments = load_segments(study)
    assert segments["participant_id"].unique().tolist() == ["sub-P01"]
    assert segments["session_id"].unique().tolist() == ["ses-one", "ses-two"]
    starts = segments.groupby("session_id")["t_start_s"].min()
    assert starts.tolist() == pytest.approx([0.0, 6.0])
    frames = load_frames(study).groupby("session_id")[["box_x1", "box_y1"]].median()
    # 90 degrees clockwise takes (x, y, side) of a 192 x 128 picture to (128 - y - side, x)
    np.testing.assert_allclose(frames.loc["ses-one"], [20, 30], atol=2)
    np.testing.assert_allclose(frames.loc["ses-two"], [128 - 30 - 60, 20], atol=2)


def test_batches_and_half_precision_storage_change_nothing_but_rounding(extracted, study, settings):
    other = settings.model_copy(update={"batch_size": 3, "frame_dtype": "float16"})
    extract_study(study, recordings_of(study), other)
    one, two = load_segments(extracted), load_segments(study)
    columns = embedding_columns(one.columns)
    assert 0 < relative(two[columns].to_numpy(), one[columns].to_numpy()) < 1e-3
