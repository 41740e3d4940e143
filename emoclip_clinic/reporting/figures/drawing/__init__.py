"""A small layer that writes SVG: text that stays text, roles instead of colours, equal bytes for equal
input.
"""
