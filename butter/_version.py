"""The version, for the package's metadata and for people."""

__version__ = "1.0.0"
