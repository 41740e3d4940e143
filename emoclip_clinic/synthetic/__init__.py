"""Generated material with known truth: clips, faces, interviews."""

from emoclip_clinic.synthetic.clips import (
    draw_counter,
    read_counter,
    trim_with_edit_list,
    write_clip,
    write_tone,
)
from emoclip_clinic.synthetic.faces import Expression, Person, draw_background, draw_face, face_box
from emoclip_clinic.synthetic.interviews import GeneratedInterview, interview_frames, write_interviews

__all__ = [
    "Expression",
    "GeneratedInterview",
    "Person",
    "draw_background",
    "draw_counter",
    "draw_face",
    "face_box",
    "interview_frames",
    "read_counter",
    "trim_with_edit_list",
    "write_clip",
    "write_interviews",
    "write_tone",
]
