"""Settings of ``emoclip-clinic report``: one typed model, documented where each value is defined."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from emoclip_clinic.study.settings_files import combine_sources

__all__ = ["MarginStatistic", "ReportSettings", "load_report_settings"]

MarginStatistic = Literal["CCC", "ICC(A,1)", "Pearson r"]
"""Agreement in which a model can be compared with one more rater."""


class ReportSettings(BaseModel):
    """Settings of ``emoclip-clinic report``, the ``[report]`` table of ``emoclip-clinic.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    margin: Annotated[
        float | None,
        Field(
            gt=0,
            le=1,
            description="Largest loss in agreement against one more rater that counts as non-inferior.",
            json_schema_extra={"default": "none: no verdict"},
        ),
    ] = None
    margin_statistic: Annotated[
        MarginStatistic,
        Field(description="Agreement in which the margin is meant; a preregistration can name another."),
    ] = "CCC"
    confidence: Annotated[float, Field(gt=0.5, lt=1, description="Level of the intervals.")] = 0.95
    resamples: Annotated[
        int, Field(ge=100, le=1_000_000, description="Bootstrap resamples of participants for intervals.")
    ] = 10_000
    seed: Annotated[int, Field(ge=0, description="Seed of the bootstrap and of the jitter in figures.")] = 0
    mask_ids: Annotated[
        bool,
        Field(description="Write P001, P002, ... in place of identifiers, in the page and in every file."),
    ] = False


def load_report_settings(
    study_root: Path, *, config: Path | None = None, overrides: Mapping[str, object] | None = None
) -> ReportSettings:
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
    ReportSettings
        The settings.

    Raises
    ------
    SettingsError
        If a file is not readable, or a name or a value in any source is not allowed.
    """
    values, _ = combine_sources(
        ReportSettings, "report", study_root=study_root, config=config, overrides=overrides
    )
    return ReportSettings.model_validate(values)
