"""The version of bulkload. The build reads it here (pyproject.toml)."""

__version__ = "0.1.0"
