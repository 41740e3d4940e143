"""Words of captions: phrases for movements, emotions, behaviours, rooms and looks."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["BEHAVIOUR_WORDS", "EMOTION_WORDS", "MOVEMENT_WORDS", "EmotionWords", "MovementWords"]


@dataclass(frozen=True)
class MovementWords:
    """Phrases of one movement.

    Attributes
    ----------
    verbs : tuple of str
        What a person does, third person singular.
    nouns : tuple of str
        What is seen, with an article where it is one thing; plural ones begin with ``*``.
    """

    verbs: tuple[str, ...]
    nouns: tuple[str, ...]


@dataclass(frozen=True)
class EmotionWords:
    """Words of one emotion.

    Attributes
    ----------
    adjectives, nouns : tuple of str
        The first is the emotion's plain word.
    """

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]


MOVEMENT_WORDS: Mapping[str, MovementWords] = MappingProxyType(
    {
        "inner_brow_raise": MovementWords(
            (
                "raises the inner ends of the brows",
                "lifts the inner brows",
                "draws the middle of the eyebrows up",
                "slants the eyebrows upwards in the middle",
            ),
            ("*raised inner brows", "*slanting eyebrows", "*eyebrows raised in the middle"),
        ),
        "outer_brow_raise": MovementWords(
            (
                "raises the outer brows",
                "lifts the outer ends of the brows",
                "arches the eyebrows at the sides",
            ),
            ("*raised outer brows", "*arched eyebrows", "*eyebrows lifted at the sides"),
        ),
        "brow_raise": MovementWords(
            ("raises the eyebrows", "lifts both brows", "pulls the eyebrows high up", "raises both brows"),
            ("*raised eyebrows", "*lifted brows", "*high eyebrows"),
        ),
        "brow_lower": MovementWords(
            (
                "lowers the brows",
                "draws the eyebrows together",
                "knits the brows",
                "pulls the brows down and together",
            ),
            ("*lowered brows", "*knitted brows", "*eyebrows drawn together"),
        ),
        "wide_eyes": MovementWords(
            ("opens the eyes wide", "raises the upper lids", "widens the eyes"),
            ("*wide open eyes", "*raised upper lids", "*widened eyes"),
        ),
        "squint": MovementWords(
            ("tightens the eyelids", "narrows the eyes", "squints"),
            ("*tightened eyelids", "*narrowed eyes", "a squint"),
        ),
        "cheek_raise": MovementWords(
            ("raises the cheeks", "lifts the cheeks under the eyes", "pushes the cheeks up"),
            ("*raised cheeks", "*lifted cheeks", "*crinkles beside the eyes"),
        ),
        "eyes_close": MovementWords(
            ("closes the eyes", "shuts both eyes", "lets the eyelids fall shut"),
            ("*closed eyes", "*shut eyes", "*closed eyelids"),
        ),
        "nose_wrinkle": MovementWords(
            ("wrinkles the nose", "crinkles the nose", "pulls the nose up into wrinkles"),
            ("a wrinkled nose", "a crinkled nose", "*wrinkles across the nose"),
        ),
        "upper_lip_raise": MovementWords(
            ("raises the upper lip", "lifts the upper lip", "bares the upper teeth"),
            ("a raised upper lip", "a lifted upper lip", "*bared upper teeth"),
        ),
        "smile": MovementWords(
            (
                "smiles",
                "pulls the corners of the mouth up",
                "lifts the lip corners",
                "curls the mouth upwards",
            ),
            ("a smile", "*raised corners of the mouth", "an upturned mouth"),
        ),
        "dimple_left": MovementWords(
            (
                "tightens the left corner of the mouth",
                "tucks in the left corner of the lips",
                "pulls the left corner of the mouth inwards",
            ),
            ("a tightened left corner of the mouth", "a dimple on the left"),
        ),
        "dimple_right": MovementWords(
            (
                "tightens the right corner of the mouth",
                "tucks in the right corner of the lips",
                "pulls the right corner of the mouth inwards",
            ),
            ("a tightened right corner of the mouth", "a dimple on the right"),
        ),
        "corners_down": MovementWords(
            (
                "pulls the corners of the mouth down",
                "lowers the lip corners",
                "turns the mouth downwards",
                "lets the corners of the mouth drop",
            ),
            ("*lowered corners of the mouth", "a downturned mouth", "*drooping lip corners"),
        ),
        "chin_raise": MovementWords(
            ("pushes the chin up", "raises the chin boss", "wrinkles the chin", "pushes the lower lip up"),
            ("a raised chin boss", "a wrinkled chin", "a pushed up lower lip"),
        ),
        "pucker": MovementWords(
            ("puckers the lips", "purses the lips", "pushes the lips forward into a round mouth"),
            ("*puckered lips", "*pursed lips", "a small round mouth"),
        ),
        "lip_stretch": MovementWords(
            (
                "stretches the lips sideways",
                "pulls the mouth wide",
                "draws the lips back and shows both rows of teeth",
            ),
            ("*stretched lips", "a mouth pulled wide", "*lips drawn back"),
        ),
        "lip_press": MovementWords(
            ("presses the lips together", "squeezes the lips", "tightens the lips to a thin line"),
            ("*pressed lips", "*lips squeezed together", "a thin tight mouth"),
        ),
        "lips_part": MovementWords(
            ("parts the lips", "opens the lips a little", "lets the lips come apart"),
            ("*parted lips", "*lips that are apart", "a slightly open mouth"),
        ),
        "jaw_drop": MovementWords(
            ("drops the jaw", "opens the mouth wide", "lets the jaw fall"),
            ("a dropped jaw", "a wide open mouth", "a hanging jaw"),
        ),
        "tongue_show": MovementWords(
            ("sticks the tongue out", "shows the tongue", "puts the tongue between the lips"),
            ("a tongue between the lips", "an outstretched tongue", "a visible tongue"),
        ),
        "head_left": MovementWords(
            ("turns the head to the left", "turns the face left", "moves the head round to the left"),
            ("a head turned to the left",),
        ),
        "head_right": MovementWords(
            ("turns the head to the right", "turns the face right", "moves the head round to the right"),
            ("a head turned to the right",),
        ),
        "head_up": MovementWords(
            ("lifts the head", "tips the head back", "raises the face"),
            ("a lifted head", "a head tipped back"),
        ),
        "head_down": MovementWords(
            ("lowers the head", "bows the head", "lets the head sink"), ("a lowered head", "a bowed head")
        ),
        "head_tilt_left": MovementWords(
            ("tilts the head to the left", "leans the head to the left", "lets the head sink to the left"),
            ("a head tilted to the left",),
        ),
        "head_tilt_right": MovementWords(
            ("tilts the head to the right", "leans the head to the right", "lets the head sink to the right"),
            ("a head tilted to the right",),
        ),
        "gaze_left": MovementWords(
            ("looks to the left", "turns the eyes to the left", "glances to the left"),
            ("*eyes turned to the left", "a look to the left"),
        ),
        "gaze_right": MovementWords(
            ("looks to the right", "turns the eyes to the right", "glances to the right"),
            ("*eyes turned to the right", "a look to the right"),
        ),
        "gaze_up": MovementWords(
            ("looks up", "turns the eyes upwards", "glances up"), ("*eyes turned upwards", "an upward look")
        ),
        "gaze_down": MovementWords(
            ("looks down", "turns the eyes downwards", "glances down"),
            ("*downcast eyes", "*eyes turned downwards"),
        ),
    }
)
"""Phrases of every movement."""

EMOTION_WORDS: Mapping[str, EmotionWords] = MappingProxyType(
    {
        "happiness": EmotionWords(
            ("happy", "joyful", "cheerful", "glad", "delighted"), ("happiness", "joy", "delight", "pleasure")
        ),
        "sadness": EmotionWords(
            ("sad", "sorrowful", "unhappy", "gloomy", "mournful"), ("sadness", "sorrow", "grief", "gloom")
        ),
        "surprise": EmotionWords(
            ("surprised", "astonished", "startled", "amazed"), ("surprise", "astonishment", "amazement")
        ),
        "fear": EmotionWords(
            ("fearful", "afraid", "frightened", "scared", "terrified"), ("fear", "fright", "terror")
        ),
        "anger": EmotionWords(("angry", "furious", "irritated", "enraged"), ("anger", "rage", "fury")),
        "disgust": EmotionWords(("disgusted", "repelled", "revolted"), ("disgust", "revulsion", "aversion")),
        "contempt": EmotionWords(
            ("contemptuous", "scornful", "disdainful"), ("contempt", "scorn", "disdain")
        ),
        "neutral": EmotionWords(
            ("neutral", "calm", "expressionless", "relaxed"), ("calm", "rest", "a neutral state")
        ),
    }
)
"""Words of every emotion that captions name."""

BEHAVIOUR_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "blunted affect": (
            "shows hardly any facial movement",
            "keeps a flat and blunted expression",
            "moves the face very little and seldom",
        ),
        "slowed movement": (
            "moves the face slowly",
            "takes a long time for every movement of the face",
            "shows slowed facial movement",
        ),
        "reduced eye contact": (
            "avoids eye contact",
            "keeps looking away from the camera",
            "does not meet the eyes of the viewer",
        ),
        "restlessness": (
            "moves the head restlessly and blinks a lot",
            "is restless and keeps moving the head",
            "fidgets and blinks often",
        ),
        "staring": (
            "stares without blinking",
            "holds a fixed stare and keeps still",
            "looks straight ahead without a blink",
        ),
    }
)
"""Phrases of every clinical behaviour, third person singular."""
