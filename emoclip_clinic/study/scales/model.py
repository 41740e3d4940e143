"""What a rating scale is: items with their bounds, scores as formulas of items, and references.

The minimum and the maximum of a score are computed from its items and never written down, so that they cannot
be wrong (the total of 30 items from 1 to 7 starts at 30).
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from emoclip_clinic.errors import did_you_mean

__all__ = [
    "RESERVED_COLUMNS",
    "Columns",
    "Direction",
    "FaceVisibility",
    "Item",
    "ItemKind",
    "Proration",
    "RatedBy",
    "Reference",
    "RestsOn",
    "Scale",
    "Score",
]

RESERVED_COLUMNS = ("participant_id", "session_id", "rater", "rating_date", "missing_reasons", "source_row")

ItemKind = Literal["ordinal", "continuous"]
Direction = Literal["higher-worse", "higher-better"]
RatedBy = Literal["clinician", "self", "informant"]
FaceVisibility = Literal["full", "partly", "none"]
RestsOn = Literal[
    "face", "body", "voice", "speech", "interview", "informant", "self-report", "records", "task"
]

STEP_TOLERANCE = 1e-9
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_DOI = re.compile(r"10\.\d{4,9}/\S+")


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError(
            f"an id has lower-case letters, digits and '_', and starts with a letter; found '{value}'"
        )
    if value in RESERVED_COLUMNS:
        raise ValueError(f"'{value}' is the name of a column that every ratings table has")
    return value


def _sentence(value: str) -> str:
    if not value.strip():
        raise ValueError("the text must not be empty")
    return value.strip()


Identifier = Annotated[str, AfterValidator(_identifier)]
Text = Annotated[str, AfterValidator(_sentence)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reference(_Record):
    """A publication, as a reader would find it."""

    citation: Annotated[Text, Field(description="Authors, title, journal, year.")]
    doi: Annotated[str | None, Field(description="Digital object identifier, without https.")] = None

    @field_validator("doi")
    @classmethod
    def _doi_form(cls, value: str | None) -> str | None:
        if value is not None and not _DOI.fullmatch(value):
            raise ValueError(f"a DOI looks like 10.1093/schbul/13.2.261; found '{value}'")
        return value


class Item(_Record):
    """One rated item."""

    id: Annotated[Identifier, Field(description="Column name in the normal form of ratings.")]
    name: Annotated[
        Text, Field(max_length=80, description="Short neutral name; never the anchor text of the scale.")
    ]
    number: Annotated[str | None, Field(description="Number printed on the original form.")] = None
    min: Annotated[float, Field(description="Lowest rating.")]
    max: Annotated[float, Field(description="Highest rating.")]
    step: Annotated[float, Field(gt=0, description="Distance between neighbouring ratings.")] = 1.0
    kind: Annotated[ItemKind, Field(description="Ordinal ratings or a continuous quantity.")] = "ordinal"
    face: Annotated[FaceVisibility, Field(description="Whether what is rated can be seen on a face.")] = (
        "none"
    )
    rests_on: Annotated[tuple[RestsOn, ...], Field(description="What the rater draws on.")] = ()
    safety_note: Annotated[str | None, Field(description="What a reader must know before acting on it.")] = (
        None
    )
    columns: Annotated[tuple[Text, ...], Field(description="Further column names in exports.")] = ()

    @model_validator(mode="after")
    def _bounds(self) -> "Item":
        if self.min >= self.max:
            raise ValueError(f"min must be below max; found min {self.min:g} and max {self.max:g}")
        steps = (self.max - self.min) / self.step
        if abs(steps - round(steps)) > STEP_TOLERANCE * max(1.0, steps):
            raise ValueError(
                f"step must divide the range from min to max; found step {self.step:g} "
                f"for {self.min:g} to {self.max:g}"
            )
        return self

    def in_range(self, value: float) -> bool:
        """Tell whether a value lies between the item's minimum and maximum."""
        return self.min <= value <= self.max

    def on_step(self, value: float) -> bool:
        """Tell whether a value is the minimum plus whole steps; a continuous item has none to be off."""
        if self.kind == "continuous":
            return True
        steps = (value - self.min) / self.step
        return abs(steps - round(steps)) <= STEP_TOLERANCE * max(1.0, abs(steps))


class Proration(_Record):
    """Leave to compute a score from the items that are present, given by a cited source."""

    least_items: Annotated[int, Field(ge=1, description="Fewest items that must be present.")]
    reference: Annotated[str, Field(description="Key of the reference that allows it.")]


class Score(_Record):
    """A sum or a mean of items."""

    id: Annotated[Identifier, Field(description="Name of the score.")]
    name: Annotated[Text, Field(max_length=120)]
    formula: Annotated[Literal["sum", "mean"], Field(description="Sum or mean of the items.")]
    items: Annotated[tuple[str, ...], Field(min_length=1, description="Ids of the items.")]
    reference: Annotated[str | None, Field(description="Key of the reference that defines the score.")] = None
    proration: Annotated[
        Proration | None, Field(description="Absent: a score with a missing item is missing.")
    ] = None
    columns: Annotated[tuple[Text, ...], Field(description="Column names in exports.")] = ()

    @model_validator(mode="after")
    def _items_once(self) -> "Score":
        repeated = sorted({item for item in self.items if self.items.count(item) > 1})
        if repeated:
            raise ValueError(f"a formula names each item once; found twice: {', '.join(repeated)}")
        if self.proration is not None and self.proration.least_items > len(self.items):
            raise ValueError(
                f"proration cannot ask for more items than the score has ({len(self.items)}); "
                f"found {self.proration.least_items}"
            )
        return self


class Columns(_Record):
    """How exports name the columns of items: patterns over ``{id}`` and ``{number}``."""

    patterns: Annotated[tuple[str, ...], Field(description="Names that are looked for by default.")] = ()
    original_patterns: Annotated[
        tuple[str, ...], Field(description="Names looked for when the file uses the original numbers.")
    ] = ()

    @field_validator("patterns", "original_patterns")
    @classmethod
    def _fields_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                names = {pattern.format(id=i, number=i) for i in ("a", "b")}
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError(f"a pattern may use {{id}} and {{number}}; found '{pattern}'") from error
            if len(names) < 2:
                raise ValueError(f"a pattern must contain {{id}} or {{number}}; found '{pattern}'")
        return value


class ItemDefaults(_Record):
    """Values that an item has unless it says otherwise."""

    min: float | None = None
    max: float | None = None
    step: float | None = None
    kind: ItemKind | None = None
    face: FaceVisibility | None = None
    rests_on: tuple[RestsOn, ...] | None = None


class Scale(_Record):
    """A rating scale, as read from its YAML file."""

    name: Annotated[Identifier, Field(description="Short name; also the name of its ratings table.")]
    title: Annotated[Text, Field(description="Full title.")]
    citation: Annotated[str, Field(description="Key of the reference to cite for the scale.")]
    references: Annotated[dict[str, Reference], Field(min_length=1)]
    licence: Annotated[Text, Field(description="What is known of the rights to the scale.")]
    rated_by: Annotated[RatedBy, Field(description="Who gives the ratings.")]
    direction: Annotated[Direction, Field(description="What a higher value means.")]
    notes: Annotated[
        tuple[Text, ...], Field(description="Where sources disagree, and what else a user must know.")
    ] = ()
    columns: Columns = Columns()
    defaults: ItemDefaults = ItemDefaults()
    items: Annotated[tuple[Item, ...], Field(min_length=1)]
    scores: tuple[Score, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        defaults, items = data.get("defaults"), data.get("items")
        if not isinstance(defaults, dict) or not isinstance(items, list):
            return data
        known = {key: value for key, value in defaults.items() if key in ItemDefaults.model_fields}
        return data | {"items": [known | item if isinstance(item, dict) else item for item in items]}

    @field_validator("items")
    @classmethod
    def _item_ids_once(cls, items: tuple[Item, ...]) -> tuple[Item, ...]:
        ids = [item.id for item in items]
        repeated = sorted({i for i in ids if ids.count(i) > 1})
        if repeated:
            raise ValueError(f"each item id occurs once; found twice: {', '.join(repeated)}")
        return items

    @field_validator("scores")
    @classmethod
    def _scores_fit(cls, scores: tuple[Score, ...], info: ValidationInfo) -> tuple[Score, ...]:
        ids = [score.id for score in scores]
        item_ids = [item.id for item in info.data.get("items", ())]
        complaints = [
            f"each score id occurs once; found twice: {i}"
            for i in sorted({i for i in ids if ids.count(i) > 1})
        ]
        complaints += [f"score '{i}' has the id of an item" for i in sorted(set(ids) & set(item_ids))]
        for score in scores:
            for item in score.items if item_ids else ():
                if item not in item_ids:
                    complaints.append(
                        f"score '{score.id}' names the item '{item}', which the scale does not have. "
                        f"{did_you_mean(item, item_ids)}"
                    )
        if complaints:
            raise ValueError("; ".join(complaints))
        return scores

    @model_validator(mode="after")
    def _references_exist(self) -> "Scale":
        keys = {self.citation: "citation"}
        for score in self.scores:
            if score.reference is not None:
                keys.setdefault(score.reference, f"score '{score.id}'")
            if score.proration is not None:
                keys.setdefault(score.proration.reference, f"proration of score '{score.id}'")
        for key, user in keys.items():
            if key not in self.references:
                raise ValueError(
                    f"{user} cites '{key}', which is not among the references. "
                    f"{did_you_mean(key, self.references)}"
                )
        return self

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Ids of the items, in the order of the form."""
        return tuple(item.id for item in self.items)

    @property
    def score_ids(self) -> tuple[str, ...]:
        """Ids of the scores, in the order of the file."""
        return tuple(score.id for score in self.scores)

    @property
    def target_ids(self) -> tuple[str, ...]:
        """Ids of items, then of scores: everything that can be predicted."""
        return self.item_ids + self.score_ids

    def item(self, item_id: str) -> Item:
        """Give the item of an id.

        Raises
        ------
        KeyError
            If the scale has no such item.
        """
        return self._items_by_id()[item_id]

    def score(self, score_id: str) -> Score:
        """Give the score of an id.

        Raises
        ------
        KeyError
            If the scale has no such score.
        """
        return {score.id: score for score in self.scores}[score_id]

    def target_range(self, target_id: str) -> tuple[float, float]:
        """Compute the lowest and the highest possible value of an item or a score.

        Parameters
        ----------
        target_id : str
            Id of an item or a score.

        Returns
        -------
        tuple of float
            Minimum and maximum, in points of the scale.
        """
        by_id = self._items_by_id()
        if target_id in by_id:
            return by_id[target_id].min, by_id[target_id].max
        score = self.score(target_id)
        low = sum(by_id[i].min for i in score.items)
        high = sum(by_id[i].max for i in score.items)
        n = len(score.items) if score.formula == "mean" else 1
        return low / n, high / n

    def target_name(self, target_id: str) -> str:
        """Give the readable name of an item or a score."""
        by_id = self._items_by_id()
        return by_id[target_id].name if target_id in by_id else self.score(target_id).name

    def item_number(self, item_id: str) -> str:
        """Give the number of an item on the original form; by default its place in the list, from 1."""
        return self.item(item_id).number or str(self.item_ids.index(item_id) + 1)

    def item_columns(self, *, original_numbers: bool = False) -> Iterator[tuple[str, str]]:
        """List the column names by which exports may call an item.

        Parameters
        ----------
        original_numbers : bool
            Whether numbers in column names are those of the original form.

        Yields
        ------
        tuple of str
            Item id and column name.
        """
        patterns = self.columns.original_patterns if original_numbers else self.columns.patterns
        for item in self.items:
            if not original_numbers:
                yield item.id, item.id
                yield item.id, f"{item.id} {item.name}"
                for name in item.columns:
                    yield item.id, name
            for pattern in patterns:
                yield item.id, pattern.format(id=item.id, number=self.item_number(item.id))

    def score_columns(self) -> Iterator[tuple[str, str]]:
        """List the column names by which exports may call a score, as pairs of score id and column name."""
        for score in self.scores:
            yield score.id, score.id
            for name in score.columns:
                yield score.id, name

    def _items_by_id(self) -> dict[str, Item]:
        return {item.id: item for item in self.items}
