"""Settings of extraction: one typed model, documented where each value is defined, and how sources combine.

Every field carries the stage at which it starts to matter (``scan``, ``crop``, ``encode``, ``segment`` or
``run``), so that a result is recomputed from the first stage whose settings changed and no further back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from emoclip_clinic.study.files import write_bytes
from emoclip_clinic.study.settings_files import combine_sources

__all__ = [
    "ExtractSettings",
    "ResolvedSettings",
    "Stage",
    "SubjectRule",
    "load_settings",
    "resolve_settings",
    "stage_of",
    "stage_settings",
    "write_settings",
]

Stage = Literal["scan", "crop", "encode", "segment", "run"]
SubjectRule = Literal["largest", "longest", "left", "right", "center"]


_DEVICE_NAMES = ("auto", "cpu", "cuda", "cuda:0", "mps")


def _device_name(name: str) -> str:
    """Check the name alone; whether the machine has the device is asked when it is needed."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]+)?", name):
        raise ValueError("must be auto, cpu, cuda, cuda:N or mps")
    return name


def _stage(stage: Stage, unit: str = "") -> dict[str, str]:
    return {"stage": stage, "unit": unit}


class ExtractSettings(BaseModel):
    """Settings of ``emoclip-clinic extract``, the ``[extract]`` table of ``emoclip-clinic.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    # scan: decode, detect, track
    reader: Annotated[
        Literal["pyav"], Field(description="Video reader.", json_schema_extra=_stage("scan"))
    ] = "pyav"
    sample_fps: Annotated[
        float | None,
        Field(
            gt=0,
            le=240,
            description="Sampled frames per second of video;"
            " by default the rate that belongs to the weights.",
            json_schema_extra=_stage("scan", "1/s"),
        ),
    ] = None
    detector: Annotated[
        str,
        Field(
            description="Face detector: mtcnn, or none for videos that already are face crops.",
            json_schema_extra=_stage("scan"),
        ),
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
        SubjectRule,
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
            description="Bicubic resize of crops: with antialias as CLIP,"
            " or without as the original training.",
            json_schema_extra=_stage("crop"),
        ),
    ] = "antialias"

    # encode: image tower
    model: Annotated[
        str,
        Field(description="Weights by name, as weights list shows them.", json_schema_extra=_stage("encode")),
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
        int | None,
        Field(
            ge=2,
            le=1023,
            description="Sampled frames in a segment; by default what the weights were trained with.",
            json_schema_extra=_stage("segment", "sampled frames"),
        ),
    ] = None
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
        AfterValidator(_device_name),
        Field(
            examples=list(_DEVICE_NAMES),
            description="Where to compute: cpu, cuda, cuda:N or mps; auto is cuda if there is one, else cpu.",
            json_schema_extra=_stage("run"),
        ),
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


@dataclass(frozen=True)
class ResolvedSettings:
    """Effective settings and where each value comes from.

    Parameters
    ----------
    settings : ExtractSettings
        The settings.
    sources : mapping of str to str
        Name of each setting to ``"default"``, the path of a settings file, or ``"option"``.
    """

    settings: ExtractSettings
    sources: Mapping[str, str]


def resolve_settings(
    study_root: Path, *, config: Path | None = None, overrides: Mapping[str, object] | None = None
) -> ResolvedSettings:
    """Combine the sources of settings: option, then ``--config FILE``, then the study's file, then default.

    Parameters
    ----------
    study_root : Path
        The study, whose ``emoclip-clinic.toml`` is read if it is there.
    config : Path, optional
        A further settings file, which must exist.
    overrides : mapping of str to object, optional
        Options by name of the setting. None means that the option was not given.

    Returns
    -------
    ResolvedSettings
        Settings and their sources.

    Raises
    ------
    SettingsError
        If a file is not readable, or a name or a value in any source is not allowed.
    """
    values, sources = combine_sources(
        ExtractSettings, "extract", study_root=study_root, config=config, overrides=overrides
    )
    return ResolvedSettings(ExtractSettings.model_validate(values), sources)


def load_settings(
    study_root: Path, *, config: Path | None = None, overrides: Mapping[str, object] | None = None
) -> ExtractSettings:
    """Return the effective settings; :func:`resolve_settings` also tells where each comes from.

    Parameters
    ----------
    study_root : Path
        The study, whose ``emoclip-clinic.toml`` is read if it is there.
    config : Path, optional
        A further settings file, which must exist.
    overrides : mapping of str to object, optional
        Options by name of the setting. None means that the option was not given.

    Returns
    -------
    ExtractSettings
        The settings.

    Raises
    ------
    SettingsError
        If a file is not readable, or a name or a value in any source is not allowed.
    """
    return resolve_settings(study_root, config=config, overrides=overrides).settings


def stage_settings(settings: ExtractSettings, stage: Stage) -> dict[str, object]:
    """Return the settings on which a stage's result depends: its own and those of all stages before it.

    Settings that choose a device or an amount of memory (``run``) change no result and appear only for the
    stage ``run``, which stands for everything.

    Parameters
    ----------
    settings : ExtractSettings
        The settings. Resolve first what is None by default: sampling rate, frames of a segment, stride.
    stage : {"scan", "crop", "encode", "segment", "run"}
        The stage.

    Returns
    -------
    dict
        Name to value, in the order of the model; JSON can hold it.
    """
    order: tuple[Stage, ...] = get_args(Stage)
    reached = order[: order.index(stage) + 1]
    return {
        name: getattr(settings, name) for name in ExtractSettings.model_fields if stage_of(name) in reached
    }


def stage_of(name: str) -> Stage:
    """Return the stage at which a setting starts to matter.

    Parameters
    ----------
    name : str
        Name of a setting.

    Returns
    -------
    {"scan", "crop", "encode", "segment", "run"}
        The stage.
    """
    extra = ExtractSettings.model_fields[name].json_schema_extra
    stages: tuple[Stage, ...] = get_args(Stage)
    return next(stage for stage in stages if isinstance(extra, dict) and extra["stage"] == stage)


def write_settings(path: Path, settings: ExtractSettings) -> None:
    """Write effective settings as TOML that :func:`load_settings` reads.

    Settings whose value is None are left out, because TOML has no such value and None is their default.

    Parameters
    ----------
    path : Path
        The file to create or replace.
    settings : ExtractSettings
        The settings.

    Raises
    ------
    StudyError
        If the operating system refuses.
    """
    write_bytes(path, tomli_w.dumps({"extract": settings.model_dump(exclude_none=True)}).encode())
