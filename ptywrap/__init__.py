"""See what the commands of a developer's shell wait for."""

__version__ = "0.1.0"
