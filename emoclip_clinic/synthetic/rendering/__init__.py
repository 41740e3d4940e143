"""Drawn faces that move: people, expressions over time, scenes, clips with captions."""

from emoclip_clinic.synthetic.rendering.action_units import ACTION_UNITS, ATTRIBUTES, mirror_attributes
from emoclip_clinic.synthetic.rendering.captions import (
    STYLES,
    Style,
    Vocabulary,
    caption,
    describe,
    names_a_side,
    vocabulary,
)
from emoclip_clinic.synthetic.rendering.classes import (
    CLASS_SETS,
    ClassSet,
    ClipClass,
    class_set,
    draw_training_class,
)
from emoclip_clinic.synthetic.rendering.clips import Clip, draw_clip, draw_plan, draw_tracks
from emoclip_clinic.synthetic.rendering.expressions import (
    BEHAVIOURS,
    COMPOUNDS,
    EMOTIONS,
    EXPRESSIONS,
    HELD_OUT_COMPOUNDS,
    HELD_OUT_NAMES,
    HELD_OUT_ORDERS,
    HELD_OUT_PAIRS,
    MOVEMENTS,
    Behaviour,
)
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.plan import ClipPlan
from emoclip_clinic.synthetic.rendering.renderer import draw_person, render
from emoclip_clinic.synthetic.rendering.scene import Camera, Framing, Light, Scene, draw_backdrop
from emoclip_clinic.synthetic.rendering.staging import Seat, face_boxes, stage
from emoclip_clinic.synthetic.rendering.tracks import (
    ExpressionTrack,
    PoseTrack,
    Timing,
    attributes,
    blinks,
    smooth_noise,
    talking,
)

__all__ = [
    "ACTION_UNITS",
    "ATTRIBUTES",
    "BEHAVIOURS",
    "CLASS_SETS",
    "COMPOUNDS",
    "EMOTIONS",
    "EXPRESSIONS",
    "HELD_OUT_COMPOUNDS",
    "HELD_OUT_NAMES",
    "HELD_OUT_ORDERS",
    "HELD_OUT_PAIRS",
    "MOVEMENTS",
    "STYLES",
    "Behaviour",
    "Camera",
    "ClassSet",
    "Clip",
    "ClipClass",
    "ClipPlan",
    "ExpressionTrack",
    "Framing",
    "Identity",
    "Light",
    "PoseTrack",
    "Scene",
    "Seat",
    "Style",
    "Timing",
    "Vocabulary",
    "attributes",
    "blinks",
    "caption",
    "class_set",
    "describe",
    "draw_backdrop",
    "draw_clip",
    "draw_person",
    "draw_plan",
    "draw_tracks",
    "draw_training_class",
    "face_boxes",
    "mirror_attributes",
    "names_a_side",
    "render",
    "smooth_noise",
    "stage",
    "talking",
    "vocabulary",
]
