"""Tables, figures, methods text and pages from fits and ratings; never imports torch."""

__all__: list[str] = []
