"""Recordings: what was answered, kept in a file, and answered again from it without asking anybody."""

from ._active import CASSETTE_VARIABLE, MODE_VARIABLE, Base, Found, active, found, in_block, record, set_base
from ._cassette import FORMAT, Cassette, Fault
from ._cuts import Arrival
from ._drift import Change, Comparison, compare
from ._errors import CassetteError, CassetteWarning, MissingRecordingError, ModeError
from ._key import NEUTRAL, canonical, key_of
from ._modes import Mode
from ._numbers import Asker, Numbers
from ._record import Damaged, Record
from ._tape import Tape
from ._taped import StandIn, Taped, endpoint_name
from ._verify import Check, Report, verify

__all__ = [
    "CASSETTE_VARIABLE",
    "FORMAT",
    "MODE_VARIABLE",
    "NEUTRAL",
    "Arrival",
    "Asker",
    "Base",
    "Cassette",
    "CassetteError",
    "CassetteWarning",
    "Change",
    "Check",
    "Comparison",
    "Damaged",
    "Fault",
    "Found",
    "MissingRecordingError",
    "Mode",
    "ModeError",
    "Numbers",
    "Record",
    "Report",
    "StandIn",
    "Tape",
    "Taped",
    "active",
    "canonical",
    "compare",
    "endpoint_name",
    "found",
    "in_block",
    "key_of",
    "record",
    "set_base",
    "verify",
]
