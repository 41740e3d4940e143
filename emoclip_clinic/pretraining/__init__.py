"""Captioned clips and contrastive training of EmoCLIP on them."""

__all__: list[str] = []
