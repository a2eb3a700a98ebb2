"""The version of katsuo; it is part of every key, so another version makes everything anew."""

from typing import Final

VERSION: Final = "0.1.0"
