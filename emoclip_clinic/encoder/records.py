"""Weights records: what must be known about a set of weights, as YAML.

A record binds to its weights all that must not be guessed: architecture, preprocessing, frame rate, segment
length, and the hash of the file.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoclip_clinic.encoder.architectures import Architecture, get_architecture
from emoclip_clinic.errors import WeightsError, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "Preprocessing",
    "TrainingFacts",
    "WeightsRecord",
    "build_record",
    "check_name",
    "check_record",
    "read_record",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_Channels = tuple[float, float, float]


class Preprocessing(BaseModel):
    """What is done to a crop before the image tower.

    Attributes
    ----------
    image_size_px : int
        Side of the square crop, in pixels.
    mean, std : tuple of float
        Mean and standard deviation of red, green and blue on the scale 0 to 1, by which crops are normalised.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image_size_px: Annotated[int, Field(gt=0)] = 224
    mean: _Channels = (0.48145466, 0.4578275, 0.40821073)
    std: _Channels = (0.26862954, 0.26130258, 0.27577711)


class TrainingFacts(BaseModel):
    """How weights were trained with `emoclip-clinic pretrain`.

    Attributes
    ----------
    recipe : str
        Name of the recipe.
    recipe_sha256 : str
        Hash of its effective settings.
    start : str
        Which weights training started from.
    data : str
        What was trained on.
    frame_stage : str
        Whether the image tower was first trained on single frames against numeric attributes, and which:
        labels that captions alone do not give.
    selection : str
        How the weights were chosen among those of the run.
    steps, seed : int
        Optimiser steps of the contrast, and the seed of the run.
    finished : str
        When the run ended, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    recipe_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    start: str
    data: str
    frame_stage: str
    selection: str
    steps: Annotated[int, Field(ge=0)]
    seed: int
    finished: str


class WeightsRecord(BaseModel):
    """What is known about a set of weights.

    Attributes
    ----------
    name : str
        How the weights are asked for.
    kind : {"published", "user", "random"}
        Published by the authors of a paper, registered by the user, or random numbers.
    architecture : str
        Name in `ARCHITECTURES`.
    description, source, paper, licence, fetch : str
        What it is, where it comes from, what to cite, under which licence, and how to get the file by hand.
    file : str or None
        Weights file, relative to the record's store (or, in a study's record, to the study).
    sha256 : str or None
        Hash of the file; of the numbers for random weights; None if not published.
    size_bytes : int or None
        Size of the file.
    seed : int or None
        Seed of random weights.
    preprocessing : Preprocessing
        What is done to crops.
    sample_fps : float
        Sampled frames per second of video that suit the weights.
    segment_frames : int
        Sampled frames of a segment in training.
    added : str or None
        When the user registered the file, UTC.
    training : TrainingFacts or None
        How the weights were trained, where that was done here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=_NAME.pattern + "$")]
    kind: Literal["published", "user", "random"]
    architecture: str
    description: str = ""
    source: str = ""
    paper: str = ""
    licence: str = "not stated"
    fetch: str = ""
    file: str | None = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
    size_bytes: Annotated[int | None, Field(gt=0)] = None
    seed: int | None = None
    preprocessing: Preprocessing = Preprocessing()
    sample_fps: Annotated[float, Field(gt=0, le=240)] = 6.25
    segment_frames: Annotated[int, Field(ge=1)] = 32
    added: str | None = None
    training: TrainingFacts | None = None


def read_record(path: Path) -> WeightsRecord:
    """Read a weights record.

    Parameters
    ----------
    path : Path
        A YAML file named like the record.

    Returns
    -------
    WeightsRecord
        The record.

    Raises
    ------
    WeightsError
        If the file cannot be read or is not a valid record of a registered architecture.
    """
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(
            "A weights record must be readable",
            found=error.strerror or str(error),
            where=path,
            hint="Change the file's permissions, or remove it.",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WeightsError(
            "A weights record must be YAML in UTF-8",
            found=str(error),
            where=path,
            hint="Correct or remove the file.",
        ) from error
    record = build_record(fields, where=path)
    if record.name != path.stem:
        raise WeightsError(
            "A weights record must be named like its file",
            found=record.name,
            where=path,
            hint=f"Rename the file to {record.name}.yaml, or write 'name: {path.stem}' in it.",
        )
    return record


def build_record(
    fields: object, *, architecture: Architecture | None = None, where: Path | str | None = None
) -> WeightsRecord:
    """Make a record of its fields, checked as far as that goes without the weights.

    Parameters
    ----------
    fields : object
        Field to value, of whatever type a file holds.
    architecture : Architecture, optional
        The architecture; by default the registered one that the fields name.
    where : Path or str, optional
        Where the fields come from, for messages.

    Returns
    -------
    WeightsRecord
        The record.

    Raises
    ------
    WeightsError
        If a field is unknown, a value is not allowed, the architecture is not registered, or they do not go
        together.
    """
    try:
        record = WeightsRecord.model_validate(fields)
    except ValidationError as error:
        raise WeightsError(
            "A weights record must have known keys and allowed values",
            found="; ".join(_told(fault) for fault in error.errors(include_url=False)),
            where=where,
            hint="Correct this, or leave it out where there is a default.",
        ) from error
    check_record(record, architecture or get_architecture(record.architecture, where=where), where=where)
    return record


def check_record(
    record: WeightsRecord, architecture: Architecture, *, where: Path | str | None = None
) -> None:
    """Raise `WeightsError` unless crops and segments of a record suit its architecture."""
    side, wanted = record.preprocessing.image_size_px, architecture.image.image_size_px
    if side != wanted:
        raise WeightsError(
            f"The preprocessing of '{record.name}' must fit its architecture",
            found=f"crops of {side} px, not {wanted}",
            where=where,
            hint=f"Set image_size_px to {wanted}, or name the architecture that the weights belong to.",
        )
    longest = architecture.temporal.positions - 1
    if record.segment_frames > longest:
        raise WeightsError(
            f"Segments of '{record.name}' must have a learned position for every frame",
            found=f"segment_frames = {record.segment_frames}",
            where=where,
            hint=f"The architecture '{architecture.name}' takes 1 to {longest}.",
        )


def check_name(name: str) -> None:
    """Raise `WeightsError` unless `name` can name weights."""
    if not _NAME.fullmatch(name):
        raise WeightsError(
            "A name of weights must have letters, digits, '.', '_' and '-' only, 64 at most",
            found=repr(name),
            hint="Use one like 'my-weights-2'; known names are shown by: emoclip-clinic weights list",
        )


def _told(fault: "ErrorDetails") -> str:
    """One fault of validation, in our words."""
    *parents, key = fault["loc"] or ("record",)
    if fault["type"] == "extra_forbidden":
        tables: Mapping[object, type[BaseModel]] = {
            "preprocessing": Preprocessing,
            "training": TrainingFacts,
        }
        known = tables.get(parents[0], WeightsRecord).model_fields if parents else WeightsRecord.model_fields
        return f"'{key}' is no key{f' of {parents[0]}' if parents else ''}; {did_you_mean(str(key), known)}"
    name, message = ".".join(map(str, (*parents, key))), fault["msg"]
    if fault["type"] == "missing":
        return f"the key '{name}' is missing"
    return f"{name} = {fault['input']!r}: {message[0].lower()}{message[1:]}"
