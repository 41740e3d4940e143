"""The ``[study]`` table of emoclip-clinic.toml: what only an investigator knows, and the preregistration."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from emoclip_clinic.errors import SettingsError, did_you_mean
from emoclip_clinic.study.files import sha256_file
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.report_settings import MarginStatistic
from emoclip_clinic.study.settings_files import combine_sources

__all__ = [
    "InvestigatorFacts",
    "Preregistration",
    "fact_questions",
    "load_investigator_facts",
    "read_preregistration",
]


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty; leave the line out until you know")
    return " ".join(text.split())


def _digest(text: str) -> str:
    if len(text) != 64 or set(text.lower()) - set("0123456789abcdef"):
        raise ValueError("must be the 64 hexadecimal digits that sha256sum prints")
    return text.lower()


_Words = Annotated[str, AfterValidator(_filled)]


class InvestigatorFacts(BaseModel):
    """What software cannot know of a study, the ``[study]`` table of ``emoclip-clinic.toml``.

    Every field is optional. A report shows a field as missing until it is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    raters: Annotated[int | None, Field(ge=1, description="How many people rated.")] = None
    rater_training: Annotated[
        _Words | None, Field(description="Profession, training and reliability training of the raters.")
    ] = None
    raters_blind_to_model: Annotated[
        bool | None, Field(description="Whether raters were blind to the model's output.")
    ] = None
    raters_blind_to_each_other: Annotated[
        bool | None, Field(description="Whether raters were blind to each other's ratings.")
    ] = None
    rated_from: Annotated[
        Literal["same-interview", "video-of-interview", "other-interview", "mixed"] | None,
        Field(
            description="What was rated: the interview on the video while it took place, its video, "
            "or another interview."
        ),
    ] = None
    days_between: Annotated[
        float | None,
        Field(
            ge=0,
            description="Largest number of days between the video and its rating.",
            json_schema_extra={"unit": "days"},
        ),
    ] = None
    medication: Annotated[
        _Words | None,
        Field(
            description="Medication of the participants, and whether it can change a face or its movement."
        ),
    ] = None
    missingness: Annotated[
        _Words | None, Field(description="Why ratings or videos are missing, and for whom.")
    ] = None
    recruitment: Annotated[
        _Words | None, Field(description="Where, when and how participants were recruited; who was excluded.")
    ] = None
    sample_size: Annotated[
        _Words | None, Field(description="How the number of participants was decided.")
    ] = None
    ethics: Annotated[_Words | None, Field(description="Ethics approval, and consent to video analysis.")] = (
        None
    )
    preregistration: Annotated[
        _Words | None,
        Field(description="The preregistration: a file of the study in TOML, or where it is published."),
    ] = None
    preregistration_sha256: Annotated[
        Annotated[str, AfterValidator(_digest)] | None,
        Field(description="SHA-256 of the preregistration as it was registered."),
    ] = None


@dataclass(frozen=True)
class Preregistration:
    """What a study registered before its analysis, as far as a program can check it.

    Attributes
    ----------
    verified : bool
        Whether the file is there and has the hash that the ``[study]`` table gives.
    statement : str
        What was found, as a sentence.
    margin : float or None
        Non-inferiority margin of the verified file, ``margin`` in its ``[report]`` table.
    margin_statistic : str or None
        Agreement in which the margin is meant, ``margin_statistic`` in the same table.
    primary : tuple of str
        Primary targets of the verified file, ``primary`` in its ``[fit]`` table.
    """

    verified: bool
    statement: str
    margin: float | None = None
    primary: tuple[str, ...] = ()
    margin_statistic: MarginStatistic | None = None


def load_investigator_facts(study: Study | Path | str, *, config: Path | None = None) -> InvestigatorFacts:
    """Read the ``[study]`` table of a study's settings file.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    config : Path, optional
        A further settings file, which wins.

    Returns
    -------
    InvestigatorFacts
        What is given; the rest is None.

    Raises
    ------
    SettingsError
        If the file is not readable, or a name or a value is not allowed.
    """
    values, _ = combine_sources(InvestigatorFacts, "study", study_root=Study.of(study).root, config=config)
    return InvestigatorFacts.model_validate(values)


def fact_questions() -> dict[str, str]:
    """Return the name of every fact with what it asks.

    Examples
    --------
    >>> fact_questions()["raters"]
    'How many people rated.'
    """
    return {name: field.description or "" for name, field in InvestigatorFacts.model_fields.items()}


def read_preregistration(study: Study | Path | str, facts: InvestigatorFacts) -> Preregistration:
    """Read the preregistration that the ``[study]`` table names, if its content is the registered one.

    A file may hold tables like those of the settings: ``margin`` in ``[report]``, ``primary`` in ``[fit]``.
    The hash shows that the file is the one whose hash stands in the settings. Only its publication elsewhere
    shows when it was written.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    facts : InvestigatorFacts
        Its ``[study]`` table.

    Returns
    -------
    Preregistration
        What was found.

    Raises
    ------
    SettingsError
        If the file has the registered content but holds values that cannot be meant.
    """
    if facts.preregistration is None:
        return Preregistration(False, "No preregistration is named in the [study] table.")
    path = Study.of(study).root / facts.preregistration
    if not path.is_file():
        return Preregistration(
            False, "The preregistration is no file of the study; what it says was not checked."
        )
    if facts.preregistration_sha256 is None:
        return Preregistration(
            False, "The preregistration has no hash in the [study] table; it may have been changed since."
        )
    if sha256_file(path) != facts.preregistration_sha256:
        return Preregistration(
            False, "The preregistration file is not the one whose hash stands in the [study] table."
        )
    content = _tables(path)
    margin, primary = content.get("report", {}).get("margin"), content.get("fit", {}).get("primary", [])
    statistic = content.get("report", {}).get("margin_statistic")
    names = [part.strip() for part in primary.split(",")] if isinstance(primary, str) else primary
    if margin is not None and (isinstance(margin, bool) or not isinstance(margin, int | float)):
        raise SettingsError("The margin of a preregistration must be a number", found=margin, where=path)
    if statistic is not None and statistic not in get_args(MarginStatistic):
        raise SettingsError(
            "The statistic of a preregistered margin must be one that reports compare",
            found=statistic,
            where=path,
            hint=did_you_mean(str(statistic), get_args(MarginStatistic)),
        )
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SettingsError("Primary targets of a preregistration must be names", found=primary, where=path)
    return Preregistration(
        True,
        "The preregistration file has the hash that stands in the [study] table.",
        None if margin is None else float(margin),
        tuple(name for name in names if name),
        statistic,
    )


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """Tables of a TOML file; nothing of a text that is none, which people register too."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return {name: value for name, value in content.items() if isinstance(value, dict)}
