"""`goop.json`: typed, explained, checked as a whole, and written without losing anything (spec/network 1.5)."""

from goop2_core.config.address import Address, parse_address
from goop2_core.config.describe import FieldInfo, SectionInfo, describe, explain
from goop2_core.config.file import ConfigFile
from goop2_core.config.reading import Reading, read_document
from goop2_core.config.schema import Config

__all__ = [
    "Address",
    "Config",
    "ConfigFile",
    "FieldInfo",
    "Reading",
    "SectionInfo",
    "describe",
    "explain",
    "parse_address",
    "read_document",
]
