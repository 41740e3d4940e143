"""Settings of extraction: one typed model, documented where each value is defined.

Every field carries the stage at which it starts to matter (``scan``, ``crop``, ``encode``, ``segment`` or ``run``),
so that a result is recomputed from the first stage whose settings changed and no further back.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ExtractSettings", "Stage"]

Stage = Literal["scan", "crop", "encode", "segment", "run"]


def _stage(stage: Stage, unit: str = "") -> dict[str, str]:
    return {"stage": stage, "unit": unit}


class ExtractSettings(BaseModel):
    """Settings of ``emoclip-clinic extract``, the ``[extract]`` table of ``emoclip-clinic.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # scan: decode, detect, track
    reader: Annotated[
        Literal["pyav"], Field(description="Video reader.", json_schema_extra=_stage("scan"))
    ] = "pyav"
    sample_fps: Annotated[
        float | None,
        Field(
            gt=0,
            le=240,
            description="Sampled frames per second of video; by default the rate that belongs to the weights.",
            json_schema_extra=_stage("scan", "1/s"),
        ),
    ] = None
    detector: Annotated[
        str, Field(description="Face detector by name.", json_schema_extra=_stage("scan"))
    ] = "mtcnn"
    detect_long_side_px: Annotated[
        int,
        Field(
            ge=64,
            le=8192,
            description="Long side of the reduced image on which faces are detected.",
            json_schema_extra=_stage("scan", "px"),
        ),
    ] = 640
    detect_every: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Detect on every n-th sampled frame, and interpolate between.",
            json_schema_extra=_stage("scan", "sampled frames"),
        ),
    ] = 4
    detect_every_stable: Annotated[
        int,
        Field(
            ge=1,
            le=256,
            description="The same while every track is stable.",
            json_schema_extra=_stage("scan", "sampled frames"),
        ),
    ] = 8
    min_score: Annotated[
        float,
        Field(ge=0, le=1, description="Least detector score of a face.", json_schema_extra=_stage("scan")),
    ] = 0.9
    min_face_px: Annotated[
        float,
        Field(
            ge=8,
            description="Least face size (shorter side of the box) in pixels of the source.",
            json_schema_extra=_stage("scan", "px"),
        ),
    ] = 32.0
    max_gap_s: Annotated[
        float,
        Field(
            ge=0,
            description="Longest absence over which a face track is bridged.",
            json_schema_extra=_stage("scan", "s"),
        ),
    ] = 2.0

    # crop: who, and which part of the image
    subject_rule: Annotated[
        Literal["largest", "longest", "left", "right", "center"],
        Field(
            description="Which track is the participant, unless tracks.tsv says so.",
            json_schema_extra=_stage("crop"),
        ),
    ] = "largest"
    min_margin: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Margin (1 - runner-up / winner) below which a second plausible person is flagged.",
            json_schema_extra=_stage("crop"),
        ),
    ] = 0.5
    crop_margin: Annotated[
        float,
        Field(
            ge=0,
            le=3,
            description="Context added to the longer side of the face box, as a share of it.",
            json_schema_extra=_stage("crop"),
        ),
    ] = 0.3
    resize: Annotated[
        Literal["antialias", "upstream"],
        Field(
            description="Bicubic resize of crops: with antialias as CLIP, or without as the original training.",
            json_schema_extra=_stage("crop"),
        ),
    ] = "antialias"

    # encode: image tower
    model: Annotated[
        str, Field(description="Weights by name in the registry.", json_schema_extra=_stage("encode"))
    ] = "emoclip"
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"],
        Field(
            description="Arithmetic of the image tower; auto is fp32 on a CPU and bf16 or fp16 on a GPU.",
            json_schema_extra=_stage("encode"),
        ),
    ] = "auto"
    frame_dtype: Annotated[
        Literal["float32", "float16"],
        Field(description="Type in which frame embeddings are stored.", json_schema_extra=_stage("encode")),
    ] = "float32"

    # segment: temporal part
    segment_frames: Annotated[
        int,
        Field(
            ge=2,
            le=1023,
            description="Sampled frames in a segment.",
            json_schema_extra=_stage("segment", "sampled frames"),
        ),
    ] = 32
    stride_frames: Annotated[
        int | None,
        Field(
            ge=1,
            description="Step between segment starts; by default half a segment.",
            json_schema_extra=_stage("segment", "sampled frames"),
        ),
    ] = None
    min_coverage: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Least share of a segment's frames that show the subject's face.",
            json_schema_extra=_stage("segment"),
        ),
    ] = 0.75

    # run: never changes a result beyond rounding
    device: Annotated[
        str,
        Field(description="auto, cpu, cuda or cuda:N.", json_schema_extra=_stage("run")),
    ] = "auto"
    batch_size: Annotated[
        int,
        Field(ge=1, le=4096, description="Crops encoded at once.", json_schema_extra=_stage("run", "crops")),
    ] = 32
    thumbnails: Annotated[
        bool,
        Field(
            description="Write a contact sheet of the subject's crops. Off: no face image is ever written.",
            json_schema_extra=_stage("run"),
        ),
    ] = False
