"""Class descriptions, compound emotions, and scores of segments against them."""

__all__: list[str] = []
