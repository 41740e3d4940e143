"""BIDS-style names: which entities a video's name and folders state."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.identifiers import IdentifierKind, clean_label

__all__ = ["ENTITY_ORDER", "BidsName", "NameProblem", "parse_bids_name"]

# Order of entities in BIDS file names, as far as they can describe a video of behaviour (BIDS 1.10, appendix
# "Entity table"). Entities of other names follow in alphabetical order.
ENTITY_ORDER = (
    "sub", "ses", "sample", "task", "tracksys", "acq", "ce", "rec", "dir", "run", "mod", "echo",
    "proc", "space", "split", "recording", "chunk", "res", "label",
)  # fmt: skip

_KINDS: Mapping[str, IdentifierKind] = {"sub": "participant", "ses": "session", "task": "task", "run": "run"}
_FOLDER = re.compile(r"(?P<entity>sub|ses)-(?P<label>.+)", re.DOTALL | re.IGNORECASE)
_PART = re.compile(r"(?P<entity>[A-Za-z][A-Za-z0-9]*)-(?P<label>.*)", re.DOTALL)
_LABEL = re.compile(r"[0-9A-Za-z]+")


@dataclass(frozen=True)
class BidsName:
    """What a name states.

    Parameters
    ----------
    participant, session : str or None
        As written after ``sub-`` and ``ses-``; not cleaned.
    task, run : str or None
        As written.
    others : tuple of (str, str)
        Further entities with their labels, in BIDS order.
    own : bool
        Whether the file's own name states any entity (if not, its folders alone speak).
    """

    participant: str
    session: str | None = None
    task: str | None = None
    run: str | None = None
    others: tuple[tuple[str, str], ...] = field(default=())
    own: bool = True


@dataclass(frozen=True)
class NameProblem:
    """Why a name tells no identity.

    Parameters
    ----------
    reason : str
        As a clause without a full stop.
    contradiction : bool
        Whether the name and its folders contradict each other. Then no pattern may decide silently.
    """

    reason: str
    contradiction: bool = False


def parse_bids_name(folders: Sequence[str], stem: str) -> BidsName | NameProblem:
    """Read the entities of a video from its name, and from its folders what the name lacks.

    Only folders ``sub-XX`` and ``ses-YY`` speak. Where the name states the same entity as a folder, both must
    agree once cleaned. A name without any entity, in a folder ``sub-XX``, belongs to that participant.

    Parameters
    ----------
    folders : sequence of str
        Names of the folders above the video, outermost first.
    stem : str
        The file's name without its suffix, such as ``sub-01_ses-2_task-interview_beh``.

    Returns
    -------
    BidsName or NameProblem
        The entities, or why there are none.
    """
    stated = _from_folders(folders)
    if isinstance(stated, NameProblem):
        return stated
    named = _from_stem(stem)
    if isinstance(named, NameProblem):
        return named
    for entity, label in stated.items():
        if entity in named and not _same(named[entity], label, entity=entity):
            return NameProblem(
                f"its name says {entity}-{named[entity]} but its folder {entity}-{label}", contradiction=True
            )
    entities = {**stated, **named}
    if "sub" not in entities:
        return NameProblem("neither its name nor a folder above it says sub-XX")
    others = sorted(
        ((e, label) for e, label in entities.items() if e not in _KINDS),
        key=lambda pair: (
            ENTITY_ORDER.index(pair[0]) if pair[0] in ENTITY_ORDER else len(ENTITY_ORDER),
            pair[0],
        ),
    )
    return BidsName(
        entities["sub"],
        entities.get("ses"),
        entities.get("task"),
        entities.get("run"),
        tuple(others),
        own=bool(named),
    )


def _from_folders(folders: Sequence[str]) -> dict[str, str] | NameProblem:
    stated: dict[str, str] = {}
    for folder in folders:
        match = _FOLDER.fullmatch(folder)
        if match is None:
            continue
        entity = match["entity"].lower()
        first = stated.setdefault(entity, match["label"])
        if not _same(first, match["label"], entity=entity):
            return NameProblem(
                f"it lies in the folders {entity}-{first} and {entity}-{match['label']}",
                contradiction=True,
            )
    return stated


def _from_stem(stem: str) -> dict[str, str] | NameProblem:
    """Entities of a file name; none if it is no BIDS-style name at all."""
    parts = stem.split("_")
    matches = [_PART.fullmatch(part) for part in parts]
    bids = matches[0] is not None and matches[0]["entity"].lower() in ENTITY_ORDER
    if not bids:
        return {}
    if matches[-1] is None:  # the suffix, such as beh or video
        parts, matches = parts[:-1], matches[:-1]
    named: dict[str, str] = {}
    for part, match in zip(parts, matches, strict=True):
        if match is None:
            return NameProblem(f"the part {part!r} of its name is no entity-label pair")
        entity, label = match["entity"].lower(), match["label"]
        if entity in named:
            return NameProblem(f"its name says {entity}- more than once")
        if entity == "desc":
            return NameProblem("its name says desc-, which BIDS keeps for derived files")
        if entity not in _KINDS and not _LABEL.fullmatch(label):
            return NameProblem(
                f"the label {label!r} of {entity}- in its name is not made of letters and digits a-z, 0-9"
            )
        named[entity] = label
    return named


def _same(first: str, second: str, *, entity: str) -> bool:
    """Whether two spellings become the same label; what cannot become one is compared as it is."""
    kind = _KINDS[entity]
    try:
        return clean_label(first, kind=kind) == clean_label(second, kind=kind)
    except StudyError:
        return first == second
