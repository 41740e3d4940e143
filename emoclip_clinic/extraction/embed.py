"""Second stage: decode again, cut the subject's face from each sampled frame, and encode the crops."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.extraction.prefetch import prefetch
from emoclip_clinic.extraction.scan import FRAMES_AHEAD
from emoclip_clinic.extraction.stopwatch import Stopwatch
from emoclip_clinic.faces import Quality, Tracks, crop_face, face_quality, surroundings_rgb
from emoclip_clinic.study.recordings import Recording
from emoclip_clinic.study.settings import ExtractSettings
from emoclip_clinic.study.tables import TableWriter
from emoclip_clinic.video import DecodeSummary, SampledFrame, VideoInfo, open_video, sample

if TYPE_CHECKING:
    from emoclip_clinic.encoder import EmoClip

__all__ = ["Embedded", "embed_subject"]

_MAX_ROWS = 4096  # rows without a face cost little, but must not pile up

_AROUND = ("around_red", "around_green", "around_blue")

Crop = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True)
class Embedded:
    """What the stage found besides the frame table.

    Attributes
    ----------
    info : VideoInfo
        What the file says about itself.
    decode : DecodeSummary
        How much of the video could be decoded.
    n_ok : int
        Sampled frames with a frame embedding.
    """

    info: VideoInfo
    decode: DecodeSummary
    n_ok: int


@dataclass
class _Batch:
    """Rows of the frame table that wait for their crops to be encoded."""

    rows: list[dict[str, object]] = field(default_factory=list)
    crops: list[Crop] = field(default_factory=list)
    rows_with_crop: list[int] = field(default_factory=list)

    def add(self, row: dict[str, object], crop: Crop | None) -> None:
        if crop is not None:
            self.rows_with_crop.append(len(self.rows))
            self.crops.append(crop)
        self.rows.append(row)

    def write(self, table: TableWriter, encoder: "EmoClip", watch: Stopwatch) -> None:
        if not self.rows:
            return
        embeddings = np.full((len(self.rows), encoder.frame_dim), np.nan, np.float32)
        valid = np.zeros(len(self.rows), bool)
        if self.crops:
            with watch.running("encode"):
                crops = np.stack(self.crops)
                embeddings[self.rows_with_crop] = encoder.encode_frames(crops, batch_size=len(crops))
            valid[self.rows_with_crop] = True
        with watch.running("write"):
            columns = {name: [row[name] for row in self.rows] for name in self.rows[0]}
            table.write(columns, embeddings=embeddings, valid=valid)


def embed_subject(
    recording: Recording,
    settings: ExtractSettings,
    *,
    subject: Tracks,
    crop_margin: float,
    encoder: "EmoClip",
    table: TableWriter,
    watch: Stopwatch,
    progress: Callable[[float], None],
) -> Embedded:
    """Fill the frame table: one row per point of the sampling grid.

    A frame over which a track was only bridged, because the detector looked and found no face, is not
    encoded.

    Parameters
    ----------
    recording : Recording
        Which video, and which part of it.
    settings : ExtractSettings
        With ``sample_fps`` filled in.
    subject : Tracks
        The subject's rows, at most one per sampled frame.
    crop_margin : float
        Context around a box, as a share of its longer side.
    encoder : EmoClip
        Encodes crops.
    table : TableWriter
        Receives the rows.
    watch : Stopwatch
        Counts the time of decoding, cropping, encoding and writing.
    progress : callable
        Told the seconds of video that are done.

    Returns
    -------
    Embedded
        What decoding found.

    Raises
    ------
    VideoError
        If the video cannot be decoded.
    """
    assert settings.sample_fps is not None
    row_of = {int(frame): row for row, frame in enumerate(subject.frame)}
    visible = subject.box_source != "bridged"
    size = encoder.image_size_px
    n_ok = 0
    batch = _Batch()

    def wanted(index: int) -> bool:
        row = row_of.get(index)
        return row is not None and bool(visible[row])

    with open_video(recording.path, reader=settings.reader, rotation_deg=recording.rotation_deg) as source:
        sampled = sample(
            source, settings.sample_fps, start_s=recording.start_s, end_s=recording.end_s, wanted=wanted
        )
        with prefetch(watch.timed("decode", sampled), depth=FRAMES_AHEAD) as frames:
            for frame in frames:
                track_row = row_of.get(frame.index)
                with watch.running("crop"):
                    crop = None
                    if frame.image is not None and track_row is not None and visible[track_row]:
                        box = subject.boxes[track_row]
                        crop = crop_face(
                            frame.image, box, margin=crop_margin, size=size, resize=settings.resize
                        )
                        n_ok += 1
                    batch.add(_row(frame, subject, track_row, seen=crop is not None), crop)
                if len(batch.crops) == settings.batch_size or len(batch.rows) == _MAX_ROWS:
                    batch.write(table, encoder, watch)
                    batch = _Batch()
                progress(frame.index / settings.sample_fps)
        batch.write(table, encoder, watch)
        return Embedded(source.info, sampled.summary, n_ok)


def _row(frame: SampledFrame, subject: Tracks, track_row: int | None, *, seen: bool) -> dict[str, object]:
    """One row of the frame table, without the embedding."""
    row: dict[str, object] = {
        "frame": frame.index,
        "t_grid_s": frame.t_grid_s,
        "t_s": frame.t_s,
        "status": "ok",
        "reason": None,
        "track": None,
        **dict.fromkeys(("box_x1", "box_y1", "box_x2", "box_y2", "box_source", "score")),
        **dict.fromkeys(
            ("yaw_deg", "pitch_deg", "roll_deg", "face_px", "sharpness", "brightness", "truncation")
        ),
        **dict.fromkeys(_AROUND),
    }
    if track_row is not None:
        row["track"] = int(subject.track[track_row])
        row["box_source"] = str(subject.box_source[track_row])
        row["score"] = _number(subject.scores[track_row])
        for name, value in zip(
            ("box_x1", "box_y1", "box_x2", "box_y2"), subject.boxes[track_row], strict=True
        ):
            row[name] = float(value)
    if frame.t_s is None:
        row["status"], row["reason"] = "missing", frame.reason
    elif not seen:
        row["status"] = "no-face"
        row["reason"] = (
            "outside of the subject's track" if track_row is None else "the detector did not find the face"
        )
    elif frame.image is not None and track_row is not None:
        quality: Quality = face_quality(frame.image, subject.boxes[track_row], subject.landmarks[track_row])
        row |= {name: _number(value) for name, value in vars(quality).items()}
        colour = surroundings_rgb(frame.image, subject.boxes[track_row])
        row |= {name: _number(value) for name, value in zip(_AROUND, colour, strict=True)}
    return row


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
