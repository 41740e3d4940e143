"""Recipes: every setting of a training, as YAML in ``protocols/training``, checked key by key."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from emoclip_clinic.errors import PretrainingError, did_you_mean, suggestions
from emoclip_clinic.study.protocols import list_protocols, protocol_path

__all__ = [
    "CheckpointSettings",
    "ContrastStage",
    "DataSettings",
    "FrameStage",
    "Recipe",
    "RenderedClips",
    "Schedule",
    "Stage",
    "TowerSettings",
    "ValidationSettings",
    "build_recipe",
    "find_recipe",
    "hash_recipe",
    "list_recipes",
    "read_recipe",
]

_Share = Annotated[float, Field(ge=0, lt=1)]
_Positive = Annotated[float, Field(gt=0)]
_Count = Annotated[int, Field(ge=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RenderedClips(_Settings):
    """Clips of drawn faces in place of prepared ones, see `emoclip_clinic.synthetic.rendering`.

    Attributes
    ----------
    n_clips : int
        Clips that exist; what each shows is drawn from `seed` and its number.
    seed : int
        Seed of the clips.
    pool : str
        Pool of persons, such as ``train``. Pools share nobody.
    n_identities : int
        Persons among whom the clips are divided; validation takes whole persons.
    n_frames, fps : int, float
        Frames of a clip, and how many of them are a second.
    kinds : tuple of str
        Kinds of classes to draw from; empty for all that training may show.
    n_captions : int
        Captions of a clip.
    styles : tuple of str
        Styles of captions, which take turns; ``class`` is the bare name of the class.
    """

    n_clips: _Count = 6000
    seed: Annotated[int, Field(ge=0)] = 0
    pool: Annotated[str, Field(min_length=1)] = "train"
    n_identities: _Count = 600
    n_frames: _Count = 16
    fps: _Positive = 8.0
    kinds: tuple[Literal["movement", "emotion", "compound", "order", "behaviour"], ...] = ()
    n_captions: _Count = 4
    styles: Annotated[tuple[Literal["movement", "emotion", "mixed", "class"], ...], Field(min_length=1)] = (
        "movement",
        "mixed",
        "emotion",
        "class",
    )


class DataSettings(_Settings):
    """What is trained on, and how clips are cut from it.

    Attributes
    ----------
    clips : str or None
        Folder that ``pretrain prepare`` made, relative to the study; ``--data`` wins over it.
    rendered : RenderedClips or None
        Drawn faces in place of a folder.
    frames, stride : int
        Frames of a clip, and every how many-th source frame is taken.
    short_clips : {"hold", "loop"}
        What fills a clip that is too short: its last frame, or the clip again.
    rotation_deg : float
        Greatest rotation, drawn once per clip, in degrees.
    flip : bool
        Whether half of the clips are mirrored; never one whose caption names a side.
    scale, brightness, contrast : float
        Augmentations of ours, each drawn once per clip: shares by which size, grey levels and contrast vary.
        0 leaves them out.
    splits : tuple of str
        Splits of the manifest that are trained on. Test folds are never among them.
    workers : int
        Threads that read clips ahead of training.
    """

    clips: str | None = None
    rendered: RenderedClips | None = None
    frames: _Count = 32
    stride: _Count = 4
    short_clips: Literal["hold", "loop"] = "hold"
    rotation_deg: Annotated[float, Field(ge=0, le=45)] = 6.0
    flip: bool = True
    scale: _Share = 0.0
    brightness: _Share = 0.0
    contrast: _Share = 0.0
    splits: tuple[str, ...] = ("train",)
    workers: Annotated[int, Field(ge=0, le=64)] = 2


class TowerSettings(_Settings):
    """Whether a part is trained, and at which multiple of the learning rate.

    Attributes
    ----------
    train : bool
        Whether its weights change.
    lr_factor : float
        Multiple of the learning rate.
    """

    train: bool = True
    lr_factor: _Positive = 1.0


class Schedule(_Settings):
    """How the learning rate changes.

    Attributes
    ----------
    kind : {"constant", "multistep", "cosine"}
        Constant; multiplied by `factor` at each milestone; or half a cosine down to ``final`` times its
        start.
    warmup_steps : int
        Steps over which it rises linearly at first.
    milestones_epochs : tuple of int
        Epochs after which a ``multistep`` schedule multiplies.
    factor : float
        What it multiplies by.
    final : float
        Share of the learning rate that a ``cosine`` ends at.
    """

    kind: Literal["constant", "multistep", "cosine"] = "cosine"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    milestones_epochs: tuple[_Count, ...] = ()
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    final: _Share = 0.0


class Stage(_Settings):
    """How one stage of training optimises.

    Attributes
    ----------
    epochs, steps : int or None
        Length of the stage; exactly one of them.
    batch_size : int
        Clips of a step, over all processes together.
    optimiser : {"sgd", "adamw"}
        Stochastic gradient descent with momentum, or Adam with decoupled weight decay.
    lr : float
        Learning rate before schedule and factors.
    momentum : float
        Of ``sgd``.
    betas : tuple of float
        Of ``adamw``.
    eps : float
        Of ``adamw``.
    weight_decay : float
        Weight decay.
    decay_all : bool
        Whether it also applies to biases, normalisations, positions, class tokens and the temperature.
    clip_norm : float or None
        Greatest norm of all gradients together.
    schedule : Schedule
        How the learning rate changes.
    """

    epochs: _Count | None = None
    steps: _Count | None = None
    batch_size: Annotated[int, Field(ge=2)] = 128
    optimiser: Literal["sgd", "adamw"] = "adamw"
    lr: _Positive = 5e-4
    momentum: _Share = 0.9
    betas: tuple[_Share, _Share] = (0.9, 0.98)
    eps: _Positive = 1e-6
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    decay_all: bool = False
    clip_norm: _Positive | None = 1.0
    schedule: Schedule = Schedule()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        return self


class FrameStage(Stage):
    """A first stage: the image tower predicts numeric attributes of single frames, before any caption.

    Attributes
    ----------
    frames_per_clip : int
        Frames drawn from each clip of a batch.
    attributes : tuple of str
        Attributes to predict; empty for all that the clips have.
    """

    frames_per_clip: _Count = 4
    attributes: tuple[str, ...] = ()


class ContrastStage(Stage):
    """The contrast of clips and captions.

    Attributes
    ----------
    negatives_within : int or None
        Clips among which captions are told apart: None for the batch over all processes; a number for
        groups of so many, as where each process sees only its own.
    temperature : float
        Temperature at the start.
    learn_temperature : bool
        Whether it is trained.
    max_scale : float
        Greatest inverse temperature.
    """

    negatives_within: Annotated[int, Field(ge=2)] | None = None
    temperature: _Positive = 0.07
    learn_temperature: bool = True
    max_scale: Annotated[float, Field(gt=1)] = 100.0


class ValidationSettings(_Settings):
    """Validation: a part of the training folds, by source, so that no person or video is on both sides.

    Attributes
    ----------
    share : float
        Share of the sources. 0 leaves validation out; then the last weights are the result.
    windows : int
        Windows of each clip, evenly spaced from its start to its end, whose embeddings are averaged.
    every_steps : int or None
        Steps between evaluations; None for once per epoch.
    patience : int or None
        Evaluations without improvement after which training stops early; None for never.
    max_clips : int
        Most clips that are compared with each other.
    """

    share: _Share = 0.1
    windows: _Count = 3
    every_steps: _Count | None = None
    patience: _Count | None = None
    max_clips: Annotated[int, Field(ge=2)] = 1000


class CheckpointSettings(_Settings):
    """When the state of a training is saved, and what it says on its way.

    Attributes
    ----------
    every_steps : int
        Steps between checkpoints; one is also made at every evaluation and at the end of a stage.
    log_every_steps : int
        Steps between lines of the log and rows of ``metrics.csv``.
    tensorboard : bool
        Whether the same numbers are written for TensorBoard.
    """

    every_steps: _Count = 500
    log_every_steps: _Count = 20
    tensorboard: bool = False


class Recipe(_Settings):
    """All settings of a training.

    Attributes
    ----------
    name, description : str
        What the recipe is.
    architecture : str
        Name of a registered architecture.
    start : str
        ``"random"``; ``"openai-clip"`` for CLIP's towers with a fresh temporal part; the name of registered
        weights; or the path of a checkpoint or of CLIP weights.
    temporal_init_std : float
        Standard deviation of fresh positions and class token of the temporal part; 1 in the released code.
    seed : int
        Seed of fresh weights, of sampling and of augmentation.
    data : DataSettings
        What is trained on.
    image, text, temporal : TowerSettings
        Which parts are trained in the contrast.
    frame_stage : FrameStage or None
        An optional first stage.
    contrast : ContrastStage
        The contrast.
    validation : ValidationSettings
        How weights are chosen.
    checkpoints : CheckpointSettings
        When to save and what to say.
    precision : {"auto", "fp32", "bf16"}
        Arithmetic of the towers; ``"auto"`` measures at the start which is faster.
    gradient_checkpointing : bool
        Whether towers recompute activations: less memory, a third more computing.
    sample_fps : float
        Sampled frames per second of video that suit the weights; for their record.
    ours : tuple of str
        Settings, as ``contrast.clip_norm``, that no publication states: chosen by us.
    """

    name: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    description: str = ""
    architecture: str
    start: str = "random"
    temporal_init_std: _Positive = 1.0
    seed: Annotated[int, Field(ge=0)] = 0
    data: DataSettings = DataSettings()
    image: TowerSettings = TowerSettings()
    text: TowerSettings = TowerSettings()
    temporal: TowerSettings = TowerSettings()
    frame_stage: FrameStage | None = None
    contrast: ContrastStage
    validation: ValidationSettings = ValidationSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    gradient_checkpointing: bool = False
    sample_fps: Annotated[float, Field(gt=0, le=240)] = 6.25
    ours: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _marks_exist(self) -> Self:
        known = _dotted(self.model_dump())
        unknown = [name for name in self.ours if name not in known]
        if unknown:
            raise ValueError(f"'ours' names {', '.join(unknown)}, which is no setting of this recipe")
        if not (self.image.train or self.text.train or self.temporal.train):
            raise ValueError("no part is trained: set train of image, text or temporal")
        return self


def read_recipe(path: Path | str) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path or str
        A YAML file.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    PretrainingError
        If the file cannot be read, has unknown keys, or values that are not allowed.
    """
    path = Path(path)
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PretrainingError(
            "A recipe must be a readable file",
            found=error.strerror or str(error),
            where=path,
            hint=f"Give its path, or the name of a shipped one: {', '.join(list_recipes())}.",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PretrainingError("A recipe must be YAML in UTF-8", found=str(error), where=path) from error
    return build_recipe(fields, where=path)


def list_recipes(*, study: Path | None = None) -> tuple[str, ...]:
    """List the recipes that can be asked for by name.

    Parameters
    ----------
    study : Path, optional
        Root of a study, whose own ``protocols/training`` win.

    Returns
    -------
    tuple of str
        Their names.
    """
    names = list_protocols("training", study=study)
    return tuple(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def find_recipe(name: str, *, study: Path | None = None) -> Path:
    """Find a recipe by its path, or by the name of a shipped one.

    Parameters
    ----------
    name : str
        A path that exists, or a name of `list_recipes` with or without ``.yaml``.
    study : Path, optional
        Root of a study, whose own ``protocols/training`` win.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PretrainingError
        If there is none.
    """
    if Path(name).is_file():
        return Path(name)
    known = list_recipes(study=study)
    plain = name.removesuffix(".yaml")
    if plain not in known:
        raise PretrainingError(
            "A recipe must be a file, or the name of a shipped one",
            found=name,
            hint=did_you_mean(plain, known),
        )
    return protocol_path("training", f"{plain}.yaml", study=study)


def build_recipe(fields: object, *, where: Path | str | None = None) -> Recipe:
    """Make a recipe of its fields.

    Parameters
    ----------
    fields : object
        What a YAML file holds.
    where : Path or str, optional
        Where it stands, for messages.

    Returns
    -------
    Recipe
        The recipe.

    Raises
    ------
    PretrainingError
        If a key is unknown or a value not allowed; all faults are told together.
    """
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        faults, hints = [], dict[str, None]()
        for fault in error.errors(include_url=False):
            place = [str(part) for part in fault["loc"]]
            name = ".".join(place) or "the recipe"
            if fault["type"] == "extra_forbidden":
                faults.append(f"'{name}' is no setting")
                hints[suggestions([place[-1]], _keys_beside(place))] = None
            elif fault["type"] == "missing":
                faults.append(f"'{name}' is missing")
            else:
                said = fault["msg"].removeprefix("Value error, ")
                shown = "" if isinstance(fault["input"], Mapping) else f" = {fault['input']!r}"
                faults.append(f"{name}{shown}: {said[0].lower()}{said[1:]}")
        raise PretrainingError(
            "A recipe must have known settings with allowed values",
            found=faults,
            where=where,
            hint=" ".join(hints) or "Correct this; docs/pretraining.md lists every setting.",
        ) from error


def hash_recipe(recipe: Recipe) -> str:
    """Hash what decides the weights that come out of a recipe.

    Parameters
    ----------
    recipe : Recipe
        The recipe.

    Returns
    -------
    str
        SHA-256 of its settings but for name, description, marks and what is logged.
    """
    content = recipe.model_dump(mode="json", exclude={"name", "description", "ours", "checkpoints"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _keys_beside(place: list[str]) -> list[str]:
    """Names of settings that may stand where an unknown one was found."""
    model: Any = Recipe
    for part in place[:-1]:
        annotation = model.model_fields[part].annotation
        options = getattr(annotation, "__args__", (annotation,))
        model = next(one for one in options if isinstance(one, type) and issubclass(one, BaseModel))
    return list(model.model_fields)


def _dotted(values: Mapping[str, Any], prefix: str = "") -> set[str]:
    names = set()
    for key, value in values.items():
        names.add(f"{prefix}{key}")
        if isinstance(value, Mapping):
            names |= _dotted(value, f"{prefix}{key}.")
    return names
