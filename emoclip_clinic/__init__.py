"""Clinical feature extraction from interview videos with EmoCLIP."""

__version__ = "0.1.0"
