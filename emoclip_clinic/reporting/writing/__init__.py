"""Writing of reports: rounding, tables, texts, references, check-lists and masked identifiers."""
