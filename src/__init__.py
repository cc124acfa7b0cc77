"""FastFlow on MindSpore. The files here are the method; each folder serves it (see README, "The code")."""

from pathlib import Path

__version__ = "1.0.0"

ROOT = Path(__file__).resolve().parent.parent  # of the project: programs, scripts, what is built
