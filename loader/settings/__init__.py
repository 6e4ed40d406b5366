"""The settings of a load, and what the command line needs to know about each."""

from loader.settings.option import Group, Option
from loader.settings.settings import OPTIONS, Settings
from loader.settings.values import FORMATS, KIB, MIB, PRESETS, Format, InsertFirst, MaxErrors, Resolution

__all__ = [
    "FORMATS",
    "KIB",
    "MIB",
    "OPTIONS",
    "PRESETS",
    "Format",
    "Group",
    "InsertFirst",
    "MaxErrors",
    "Option",
    "Resolution",
    "Settings",
]
