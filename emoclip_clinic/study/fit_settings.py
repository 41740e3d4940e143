"""Settings of ``emoclip-clinic fit``: one typed model, documented where each value is defined.

The model lies here and not beside the code that uses it, because the command line makes options from it and
must not load NumPy for a help text.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from emoclip_clinic.study.settings_files import combine_sources

__all__ = ["FitSettings", "listed", "load_fit_settings"]


def _joined(value: object) -> object:
    """Take a TOML list, or one number, for what the command line writes with commas."""
    some = value if isinstance(value, list) else [value]
    if all(isinstance(one, str | int) and not isinstance(one, bool) for one in some):
        return ",".join(map(str, some))
    return value


# Names separated by commas; in TOML also a list.
_NAMES = BeforeValidator(_joined)


def listed(names: str | None) -> tuple[str, ...]:
    """Split names at commas.

    Parameters
    ----------
    names : str or None
        Such as ``"ridge, mlp"``.

    Returns
    -------
    tuple of str
        Without spaces and empty parts.

    Examples
    --------
    >>> listed("ridge, mlp")
    ('ridge', 'mlp')
    """
    return tuple(part.strip() for part in (names or "").split(",") if part.strip())


class FitSettings(BaseModel):
    """Settings of ``emoclip-clinic fit``, the ``[fit]`` table of ``emoclip-clinic.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    # what is predicted
    items: Annotated[
        str,
        _NAMES,
        Field(description="What to predict: all, items, scores, or ids separated by commas."),
    ] = "all"
    target: Annotated[
        Literal["rating", "change", "change-percent"],
        Field(description="The rating of a session, or its change since the baseline session."),
    ] = "rating"
    baseline: Annotated[
        str | None,
        Field(
            description="Baseline session of a change, such as ses-1.", json_schema_extra={"default": "none"}
        ),
    ] = None
    change_video: Annotated[
        Literal["difference", "baseline", "follow-up"],
        Field(
            description="Video from which a change is predicted: follow-up minus baseline, or one of the two."
        ),
    ] = "difference"
    primary: Annotated[
        str | None,
        _NAMES,
        Field(
            description="Items or scores planned as primary; the others are exploratory.",
            json_schema_extra={"default": "none"},
        ),
    ] = None
    rater: Annotated[
        str | None, Field(description="Use this rater only.", json_schema_extra={"default": "all"})
    ] = None
    rater_policy: Annotated[
        Literal["mean", "median", "consensus", "first"],
        Field(description="How several raters of a session become one number."),
    ] = "mean"

    # from which features
    features: Annotated[
        Literal["session", "segment", "zeroshot", "session+zeroshot"],
        Field(
            description="Train on one row per session, on segments that inherit their session's rating, on "
            "zero-shot readings of sessions, or on rows and readings; predictions are per session in all."
        ),
    ] = "session"
    zeroshot_set: Annotated[
        str, Field(description="Set of class descriptions whose readings are used, see zeroshot score.")
    ] = "basic-7"
    aggregation: Annotated[
        str,
        Field(description="How segments become one row per session: mean, mean+std, mean+dynamics, ..."),
    ] = "mean"
    min_usable_s: Annotated[
        float,
        Field(ge=0, description="Least usable video of a session.", json_schema_extra={"unit": "s"}),
    ] = 10.0
    tasks: Annotated[
        str | None,
        _NAMES,
        Field(description="Only recordings of these tasks.", json_schema_extra={"default": "all"}),
    ] = None

    # by which models
    models: Annotated[str, _NAMES, Field(description="Models, separated by commas: ridge, mlp.")] = (
        "ridge,mlp"
    )
    hidden: Annotated[
        str,
        _NAMES,
        Field(description="Width of each hidden layer of the MLP; 256 is the EmoCLIP paper's."),
    ] = "64"
    mlp_seeds: Annotated[
        int, Field(ge=1, le=100, description="Networks in the ensemble of each fold of the MLP.")
    ] = 5
    covariates: Annotated[
        str | None,
        _NAMES,
        Field(
            description="Columns of participants.tsv for the baseline on covariates; by default age, sex, "
            "gender and site where they are there."
        ),
    ] = None

    # tested on whom
    outer: Annotated[
        Literal["participant", "kfold", "site"],
        Field(
            description="Who is left out at a time: one participant, one fold of participants, or one site."
        ),
    ] = "participant"
    n_splits: Annotated[int, Field(ge=2, description="Folds of --outer kfold.")] = 10
    n_repeats: Annotated[int, Field(ge=1, description="Repetitions of --outer kfold.")] = 1
    stratify: Annotated[
        str | None,
        _NAMES,
        Field(
            description="Columns of participants.tsv for which folds of --outer kfold are balanced, such as "
            "site or group; never ratings. The number of sessions always is.",
            json_schema_extra={"default": "none"},
        ),
    ] = None
    seed: Annotated[int, Field(ge=0, description="Seed of folds, permutations, bootstrap and networks.")] = 0

    # against chance
    permutations: Annotated[
        int, Field(ge=0, description="Permutations of ratings among participants, 19 or more; 0 for no test.")
    ] = 10_000
    statistic: Annotated[
        Literal["skill", "r"],
        Field(description="What the permutation test compares: skill, or pooled Pearson r."),
    ] = "skill"
    permute_within: Annotated[
        str | None,
        _NAMES,
        Field(
            description="Columns of participants.tsv within which ratings are exchanged, such as site.",
            json_schema_extra={"default": "none"},
        ),
    ] = None
    gain: Annotated[
        bool,
        Field(
            description="Test whether the embedding adds to covariates and camera, by as many permutations."
        ),
    ] = True
    resamples: Annotated[
        int, Field(ge=100, description="Bootstrap resamples of participants for intervals.")
    ] = 10_000

    # under other choices
    sensitivity: Annotated[
        bool,
        Field(description="Fit the ridge under other aggregations and folds too, without a test."),
    ] = True
    subsamples: Annotated[
        int,
        Field(
            ge=0,
            description="Fit the ridge to so many random subsamples of 80 % of the participants; 0 for none.",
        ),
    ] = 50

    # on which machine
    device: Annotated[
        str,
        Field(
            description="Where the MLP is trained: cpu, cuda, cuda:N or mps; auto is cuda if there is one."
        ),
    ] = "auto"

    @model_validator(mode="after")
    def _settings_fit_together(self) -> "FitSettings":
        widths = listed(self.hidden)
        if not widths or not all(width.isdecimal() and int(width) > 0 for width in widths):
            raise ValueError(
                f"hidden must be whole numbers above 0, separated by commas; found '{self.hidden}'"
            )
        if not listed(self.models):
            raise ValueError("models must name at least one model, such as ridge")
        if not listed(self.items):
            raise ValueError("items must be all, items, scores, or ids separated by commas")
        if 0 < self.permutations < 19:
            raise ValueError(f"permutations must be 0, or 19 and more; found {self.permutations}")
        return self

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Width of each hidden layer."""
        return tuple(int(width) for width in listed(self.hidden))

    def results(self) -> dict[str, object]:
        """Return the settings that change a result: all but where the work is done."""
        return self.model_dump(mode="json", exclude={"device"})

    def analysis(self) -> dict[str, object]:
        """Return the settings that make one analysis another one: without what only adds tables beside it."""
        return self.model_dump(mode="json", exclude={"device", "sensitivity", "subsamples"})


def load_fit_settings(
    study_root: Path, *, config: Path | None = None, overrides: Mapping[str, object] | None = None
) -> FitSettings:
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
    FitSettings
        The settings.

    Raises
    ------
    SettingsError
        If a file is not readable, a name or a value in any source is not allowed, or settings contradict each
        other.
    """
    values, _ = combine_sources(FitSettings, "fit", study_root=study_root, config=config, overrides=overrides)
    return FitSettings.model_validate(values)
