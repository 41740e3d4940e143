"""Class descriptions as data: what a class looks like, in words, with the style in which it is said."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from emoclip_clinic.errors import ZeroShotError, did_you_mean

__all__ = ["NAME_STYLE", "DescribedClass", "Description", "DescriptionSet"]

NAME_STYLE = "name"
"""Style that every class has without being written down: a sentence that only names it."""

_IDENTIFIER = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError(f"an id has lower-case letters and digits, with '-' or '_' between; found '{value}'")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("the text must not be empty")
    return " ".join(value.split())


Identifier = Annotated[str, AfterValidator(_identifier)]
Text = Annotated[str, AfterValidator(_filled)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Description(_Record):
    """One sentence about a class."""

    style: Annotated[
        Identifier,
        Field(description="How it is said: movement of the face, feeling, clinical, or a style of your own."),
    ]
    text: Annotated[Text, Field(description="The sentence, in English.")]


class DescribedClass(_Record):
    """A class and what is said about it, or a compound of other classes."""

    id: Annotated[Identifier, Field(description="Name of the class in tables.")]
    name: Annotated[Text, Field(max_length=80, description="What to call it in a sentence.")]
    aliases: Annotated[tuple[Text, ...], Field(description="Other labels that data sets use for it.")] = ()
    descriptions: Annotated[
        tuple[Description, ...], Field(description="Sentences; several are averaged.")
    ] = ()
    parts: Annotated[
        dict[str, float],
        Field(description="For a compound: the classes that make it up, with their weights."),
    ] = {}

    @field_validator("parts", mode="before")
    @classmethod
    def _equal_weights(cls, value: object) -> object:
        if isinstance(value, list):
            if len(set(map(str, value))) < len(value):
                raise ValueError("each part is named once")
            return dict.fromkeys(map(str, value), 1.0)
        return value

    @model_validator(mode="after")
    def _described(self) -> "DescribedClass":
        if not self.descriptions and not self.parts:
            raise ValueError(f"the class '{self.id}' needs descriptions, or parts if it is a compound")
        if self.parts and len(self.parts) < 2:
            raise ValueError(f"the compound '{self.id}' needs at least two parts")
        if any(weight <= 0 for weight in self.parts.values()):
            raise ValueError(f"the weights of the parts of '{self.id}' must be above 0")
        texts = [one.text.casefold() for one in self.descriptions]
        if len(set(texts)) < len(texts):
            raise ValueError(f"the class '{self.id}' has the same description twice")
        return self


class DescriptionSet(_Record):
    """A set of classes to choose between, as read from its YAML file.

    Attributes
    ----------
    name, title : str
        Short name and full title.
    style : str
        The primary style, whose descriptions are used unless another is asked for.
    extends : str or None
        Name of a set whose classes come first; filled in when the set is loaded.
    combine : {"none", "labels"}
        Whether labels of data that join class ids by ``_`` or ``+`` are compounds of them.
    classes : tuple of DescribedClass
        The classes, in order.
    """

    name: Annotated[Identifier, Field(description="Short name; also the name of the file.")]
    title: Annotated[Text, Field(description="Full title.")]
    style: Annotated[Identifier, Field(description="Style that is used by default.")]
    extends: Annotated[str | None, Field(description="Set whose classes come before these.")] = None
    combine: Annotated[
        Literal["none", "labels"],
        Field(description="labels: a label such as anger_disgust is a compound of classes."),
    ] = "none"
    notes: Annotated[tuple[Text, ...], Field(description="What a user must know.")] = ()
    classes: Annotated[tuple[DescribedClass, ...], Field(min_length=1)]

    @field_validator("classes")
    @classmethod
    def _ids_once(cls, classes: tuple[DescribedClass, ...]) -> tuple[DescribedClass, ...]:
        names = [name for one in classes for name in (one.id, *one.aliases)]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"each class id and alias occurs once; found twice: {', '.join(repeated)}")
        return classes

    @model_validator(mode="after")
    def _complete(self) -> "DescriptionSet":
        if self.extends is None:
            self._check_parts()
            self._check_styles()
        return self

    def _check_parts(self) -> None:
        simple = [one.id for one in self.classes if not one.parts]
        for one in self.classes:
            for part in one.parts:
                if part not in simple:
                    raise ValueError(
                        f"the compound '{one.id}' names the part '{part}', which is no described class. "
                        f"{did_you_mean(part, simple)}"
                    )

    def _check_styles(self) -> None:
        if self.style == NAME_STYLE:
            return
        lacking = [
            one.id
            for one in self.classes
            if not one.parts and self.style not in {d.style for d in one.descriptions}
        ]
        if lacking:
            raise ValueError(
                f"every class needs a description in the primary style '{self.style}'; "
                f"without one: {', '.join(lacking)}"
            )

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the classes, in order."""
        return tuple(one.id for one in self.classes)

    @property
    def styles(self) -> tuple[str, ...]:
        """Styles in which every class that is no compound is described, the primary one first."""
        simple = [one for one in self.classes if not one.parts]
        shared = set.intersection(*({d.style for d in one.descriptions} for one in simple))
        return (self.style, *sorted((shared | {NAME_STYLE}) - {self.style}))

    def get(self, class_id: str) -> DescribedClass:
        """Give the class of an id or an alias.

        Parameters
        ----------
        class_id : str
            Id or alias; case does not matter.

        Returns
        -------
        DescribedClass
            The class.

        Raises
        ------
        ZeroShotError
            If there is none.
        """
        wanted = class_id.strip().casefold()
        for one in self.classes:
            if wanted in (one.id, *(alias.casefold() for alias in one.aliases)):
                return one
        raise ZeroShotError(
            f"The set '{self.name}' must describe the class",
            found=class_id,
            hint=did_you_mean(class_id, self.ids),
        )

    def texts(self, class_id: str, *, style: str | None = None) -> tuple[str, ...]:
        """Give the sentences that describe a class in a style.

        Parameters
        ----------
        class_id : str
            Id or alias of a class that is no compound.
        style : str, optional
            By default the primary style. The style ``name`` is a sentence that only names the class.

        Returns
        -------
        tuple of str
            At least one.

        Raises
        ------
        ZeroShotError
            If there is no such class, or it has no description in this style.
        """
        one = self.get(class_id)
        wanted = style or self.style
        if wanted == NAME_STYLE:
            return (f"an expression of {one.name}",)
        found = tuple(d.text for d in one.descriptions if d.style == wanted)
        if not found:
            raise ZeroShotError(
                f"The class '{one.id}' of '{self.name}' must be described in the style '{wanted}'",
                found=", ".join(sorted({d.style for d in one.descriptions})) or "no description",
                hint=did_you_mean(wanted, self.styles),
            )
        return found

    def choose(self, class_ids: Sequence[str]) -> "DescriptionSet":
        """Keep some of the classes, and make compounds of those that join ids by ``_`` or ``+``.

        The order of the parts in a label does not matter: ``disgust_anger`` is the set's compound
        ``anger_disgust`` if it has one, and else gets its parts in the order of the set.

        Parts of a compound stay known for its embedding, see `ClassEmbeddings`; they are no classes to choose
        between unless they are named themselves.

        Parameters
        ----------
        class_ids : sequence of str
            Ids, aliases, or (if `combine` is ``"labels"``) compounds such as ``"anger_disgust"``.

        Returns
        -------
        DescriptionSet
            The classes asked for, in the order asked for.

        Raises
        ------
        ZeroShotError
            If one is unknown, or names the same class as another.
        """
        chosen: list[DescribedClass] = []
        for class_id in class_ids:
            one = self._compound(class_id) or self.get(class_id)
            if any(one.id == other.id for other in chosen):
                raise ZeroShotError("A class must be asked for once", found=class_id)
            chosen.append(one)
        if not chosen:
            raise ZeroShotError("At least one class must be asked for", found="none")
        return self.model_copy(update={"classes": tuple(chosen)})

    def _compound(self, label: str) -> DescribedClass | None:
        if self.combine != "labels":
            return None
        known = {name.casefold() for one in self.classes for name in (one.id, *one.aliases)}
        if label.casefold() in known:
            return None
        names = re.split(r"[+_]", label)
        if len(names) < 2:
            return None
        wanted = {self.get(name).id for name in names}
        if len(wanted) < len(names):
            raise ZeroShotError("A compound must have different parts", found=label)
        for one in self.classes:
            if set(one.parts) == wanted and set(one.id.split("_")) == wanted:
                return one
        parts = [one for one in self.classes if one.id in wanted]
        return DescribedClass(
            id="_".join(part.id for part in parts),
            name=" and ".join(part.name for part in parts),
            parts=dict.fromkeys((part.id for part in parts), 1.0),
        )
