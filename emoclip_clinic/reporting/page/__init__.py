"""Pages of reports: one self-contained HTML file each, with its tables and figures as files beside it."""
