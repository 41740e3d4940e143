"""Rating scales as data: what an item may be, how scores follow from items, and where a number comes from."""

from emoclip_clinic.study.scales.column_names import ColumnMatch, match_columns, normal_column_name
from emoclip_clinic.study.scales.model import Columns, Item, Proration, Reference, Scale, Score
from emoclip_clinic.study.scales.reading import check_scale_file, read_scale
from emoclip_clinic.study.scales.registry import (
    ScaleEntry,
    find_scale_file,
    list_scales,
    load_scale,
    scale_template,
)
from emoclip_clinic.study.scales.scoring import scale_scores

__all__ = [
    "ColumnMatch",
    "Columns",
    "Item",
    "Proration",
    "Reference",
    "Scale",
    "ScaleEntry",
    "Score",
    "check_scale_file",
    "find_scale_file",
    "list_scales",
    "load_scale",
    "match_columns",
    "normal_column_name",
    "read_scale",
    "scale_scores",
    "scale_template",
]
