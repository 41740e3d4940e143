"""Decides which column of a table holds what (identifiers, rater, date, items, scores), without guessing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from emoclip_clinic.errors import RatingsError, did_you_mean
from emoclip_clinic.study.ratings.raw_tables import RawTable
from emoclip_clinic.study.ratings.redcap import Box, DataDictionary, checkbox_column
from emoclip_clinic.study.scales import Scale, match_columns, normal_column_name

__all__ = ["ROLES", "ColumnPlan", "describe_columns", "plan_columns"]

# Role: names by which exports call it. The first is that of the normal form and wins over all others.
ROLES: Mapping[str, tuple[str, ...]] = {
    "participant_id": (
        "participant_id", "participant", "participantid", "subject_id", "subject", "subjectid", "sub_id",
        "record_id", "record", "study_id", "patient_id", "patient", "pat_id", "id", "code", "pseudonym",
        "proband", "probanden_id", "vp", "vpn", "vp_code", "vpn_code",
    ),
    "session_id": (
        "session_id", "session", "ses", "visit", "visit_id", "timepoint", "time_point", "wave", "zeitpunkt",
        "messzeitpunkt", "sitzung",
    ),
    "rater": (
        "rater", "rater_id", "rater_name", "rater_initials", "rated_by", "assessor", "clinician",
        "interviewer", "examiner", "untersucher", "beurteiler", "rater_code",
    ),
    "rating_date": (
        "rating_date", "date", "date_of_rating", "assessment_date", "date_of_assessment", "visit_date",
        "interview_date", "datum", "untersuchungsdatum",
    ),
    "missing_reasons": ("missing_reasons",),
    "event": ("redcap_event_name", "event_name"),
    "repeat_instrument": ("redcap_repeat_instrument", "repeat_instrument"),
    "repeat_instance": ("redcap_repeat_instance", "repeat_instance"),
}  # fmt: skip


@dataclass(frozen=True)
class ColumnPlan:
    """Where in a table the parts of ratings are, as positions of columns.

    Parameters
    ----------
    roles : dict of str to int
        Column of each role that the table has.
    items : dict of str to int
        Column of each item that has one of its own.
    boxes : dict of str to dict of str to int
        Columns of the boxes of each item that was exported as checkboxes, by code.
    scores : dict of str to int
        Column of each score that the table states.
    complete : int or None
        Column that says whether the form is complete (REDCap).
    absent_items : tuple of str
        Items for which the table has no column.
    left_out : tuple of str
        Names of columns that are not used.
    """

    roles: Mapping[str, int]
    items: Mapping[str, int]
    boxes: Mapping[str, Mapping[str, int]]
    scores: Mapping[str, int]
    complete: int | None
    absent_items: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass
class _Search:
    """What is known while columns are being assigned."""

    table: RawTable
    scale: Scale
    dictionary: DataDictionary | None
    names: list[str] = field(init=False)  # field names where the dictionary knows the label in the header
    mapped: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = list(self.table.columns)
        if self.dictionary is not None:
            for i, header in enumerate(self.table.columns):
                known = self.dictionary.field_of_header(header)
                if known is not None:
                    self.names[i] = known.name

    def free(self) -> list[int]:
        return [i for i, name in enumerate(self.names) if name and i not in self.mapped.values()]


def plan_columns(
    table: RawTable,
    scale: Scale,
    *,
    mapping: Mapping[str, str] | None = None,
    original_numbers: bool = False,
    dictionary: DataDictionary | None = None,
    other_scales: Callable[[], Sequence[Scale]] | None = None,
) -> ColumnPlan:
    """Assign the columns of a table.

    Parameters
    ----------
    table : RawTable
        The table.
    scale : Scale
        The scale.
    mapping : mapping of str to str, optional
        Column by role, item or score, as the user gives it. An empty column name means: the table has none.
    original_numbers : bool
        Whether numbers in column names are those of the scale's original form.
    dictionary : DataDictionary, optional
        REDCap's data dictionary, which knows variable names for labels.
    other_scales : callable, optional
        Gives scales whose columns the table might hold instead.

    Returns
    -------
    ColumnPlan
        The assignment.

    Raises
    ------
    RatingsError
        If a name in the mapping is unknown, two columns claim the same place, no participant or no item
        column is found, or the columns fit another scale better.
    """
    search = _Search(table, scale, dictionary)
    absent = _apply_mapping(search, mapping or {})
    roles = _find_roles(search, absent)
    item_columns, boxes = _find_items(search, absent, original_numbers, set(roles.values()))
    scores = {t: i for t, i in item_columns.items() if t in scale.score_ids}
    items = {t: i for t, i in item_columns.items() if t in scale.item_ids}
    if not items and not boxes:
        raise RatingsError(
            f"The table must have columns for items of {scale.name}",
            found=_some(table.columns),
            where=table.path,
            hint=f"Items are {_some(scale.item_ids)}. Name columns with --map {scale.item_ids[0]}=COLUMN.",
        )
    if other_scales is not None:
        _refuse_other_scale(search, original_numbers, other_scales())
    complete = _find_complete(search)
    used = {*roles.values(), *items.values(), *scores.values(), complete}
    used |= {i for group in boxes.values() for i in group.values()}
    return ColumnPlan(
        roles=roles,
        items=items,
        boxes=boxes,
        scores=scores,
        complete=complete,
        absent_items=tuple(t for t in scale.item_ids if t not in items and t not in boxes),
        left_out=tuple(name for i, name in enumerate(table.columns) if name and i not in used),
    )


def _apply_mapping(search: _Search, mapping: Mapping[str, str]) -> set[str]:
    """Put the user's choices in place; return the targets that the table is said not to have."""
    targets = (*ROLES, *search.scale.target_ids)
    absent = set()
    for target, column in mapping.items():
        if target not in targets:
            raise RatingsError(
                "A column is mapped to an item, a score or a role",
                found=target,
                where="--map",
                hint=did_you_mean(target, targets),
            )
        if not column:
            absent.add(target)
            continue
        if column not in search.table.columns:
            raise RatingsError(
                "A mapped column must be in the table",
                found=f"no column '{column}'",
                where=f"{search.table.path}, --map {target}=...",
                hint=did_you_mean(column, [name for name in search.table.columns if name]),
            )
        index = search.table.columns.index(column)
        if index in search.mapped.values():
            raise RatingsError("A column can be mapped once", found=column, where="--map")
        search.mapped[target] = index
    return absent


def _find_roles(search: _Search, absent: set[str]) -> dict[str, int]:
    roles = {target: i for target, i in search.mapped.items() if target in ROLES}
    by_name: dict[str, list[int]] = {}
    for i in search.free():
        for name in {normal_column_name(search.names[i]), normal_column_name(search.table.columns[i])}:
            by_name.setdefault(name, []).append(i)
    for role, names in ROLES.items():
        if role in roles or role in absent:
            continue
        exact = by_name.get(names[0], [])
        candidates = exact if len(exact) == 1 else [i for name in names for i in by_name.get(name, [])]
        candidates = [i for i in dict.fromkeys(candidates) if i not in roles.values()]
        if len(candidates) > 1:
            raise RatingsError(
                f"One column must hold {role}",
                found=", ".join(search.table.columns[i] for i in candidates),
                where=search.table.path,
                hint=f"Choose with --map {role}=COLUMN (--map {role}= if none of them).",
            )
        if candidates:
            roles[role] = candidates[0]
    if "participant_id" not in roles:
        raise RatingsError(
            "A column must identify the participant",
            found=_some(search.table.columns),
            where=search.table.path,
            hint="Name it with --map participant_id=COLUMN.",
        )
    return roles


def _find_items(
    search: _Search, absent: set[str], original_numbers: bool, taken: set[int]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    scale = search.scale
    single = {t: i for t, i in search.mapped.items() if t not in ROLES}
    free = [i for i in search.free() if i not in taken]
    boxes_at: dict[int, Box] = {}
    for i in free:
        box = checkbox_column(search.names[i]) or checkbox_column(search.table.columns[i])
        if box is not None:
            boxes_at[i] = box
    columns: dict[str, int] = {}
    for i in free:
        if i not in boxes_at:
            columns[search.names[i]] = i
            columns.setdefault(search.table.columns[i], i)
    found = match_columns(columns, scale, original_numbers=original_numbers).columns
    for target, names in found.items():
        places = sorted({columns[name] for name in names})
        if target in single or target in absent:
            continue
        if len(places) > 1:
            raise _two_columns(search, target, [search.table.columns[i] for i in places])
        single[target] = places[0]
    boxes: dict[str, dict[str, int]] = {}
    for i, box in boxes_at.items():
        fields = [box.field]
        known = search.dictionary.field_of_header(box.field) if search.dictionary is not None else None
        code: str | None = box.code
        if known is not None:
            fields.append(known.name)
            code = box.code if box.code in known.choices else known.code_of(box.code) or box.code
        targets = match_columns(fields, scale, original_numbers=original_numbers).columns
        for target in targets:
            if target in scale.item_ids and target not in absent:
                boxes.setdefault(target, {})[code or box.code] = i
    both = sorted(set(boxes) & set(single))
    if both:
        raise _two_columns(
            search,
            both[0],
            [search.table.columns[i] for i in (single[both[0]], *boxes[both[0]].values())],
        )
    return single, boxes


def _two_columns(search: _Search, target: str, names: Sequence[str]) -> RatingsError:
    return RatingsError(
        f"One column must hold {target}",
        found=", ".join(names),
        where=search.table.path,
        hint=f"Choose with --map {target}=COLUMN.",
    )


def _find_complete(search: _Search) -> int | None:
    """REDCap adds to every form a column that says whether it is complete; find that of our form."""
    endings = {i: normal_column_name(search.table.columns[i]) for i in search.free()}
    own = [i for i, name in endings.items() if name == f"{search.scale.name}_complete"]
    every = [i for i, name in endings.items() if name.endswith("_complete") or name == "complete"]
    if len(own) == 1:
        return own[0]
    return every[0] if len(every) == 1 else None


def _refuse_other_scale(search: _Search, original_numbers: bool, others: Sequence[Scale]) -> None:
    """Refuse columns that mean something else in another scale which explains more of the table."""
    free = [search.names[i] for i in search.free()]
    ours = _claimed(free, search.scale, original_numbers)
    complete = set(match_columns(free, search.scale, original_numbers=original_numbers).columns) >= set(
        search.scale.item_ids
    )
    for other in others:
        if other.name == search.scale.name or not ours:
            continue
        theirs = _claimed(free, other, False)
        their_items = set(match_columns(free, other).columns)
        more = theirs > ours
        whole = theirs >= ours and not complete and their_items >= set(other.item_ids)
        if (more or whole) and not _same_items(search.scale, other):
            raise RatingsError(
                f"The columns must be those of {search.scale.name}",
                found=f"{len(theirs)} item columns of {other.name} ({other.title}), "
                f"of which {search.scale.name} knows {len(ours)}",
                where=search.table.path,
                hint=f"Use --scale {other.name}; or name each column with --map. "
                "The two number items differently.",
            )


def _claimed(columns: Sequence[str], scale: Scale, original_numbers: bool) -> set[str]:
    found = match_columns(columns, scale, original_numbers=original_numbers).columns
    return {name for target, names in found.items() if target in scale.item_ids for name in names}


def _same_items(one: Scale, other: Scale) -> bool:
    return one.item_ids == other.item_ids


def _some(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(names[:limit])
    return f"{shown}, ..." if len(names) > limit else shown


def describe_columns(plan: ColumnPlan, table: RawTable) -> dict[str, str]:
    """Say which column was taken for what, by role, item and score."""
    single = {**plan.roles, **plan.items, **plan.scores}
    said = {target: table.columns[i] for target, i in single.items()}
    for target, group in plan.boxes.items():
        said[target] = ", ".join(table.columns[i] for i in group.values())
    return said
