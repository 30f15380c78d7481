"""Recordings: what was answered, kept in a file, and answered again from it without asking anybody.

Each name is imported when it is first used: a notebook that records nothing loads nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_prem._lazy import names_of

if TYPE_CHECKING:
    from ._active import CASSETTE_VARIABLE, ENDING, MODE_VARIABLE, Found, active, found, in_block, record
    from ._async_taped import AsyncTaped, alone_with
    from ._base import Base, set_base
    from ._cassette import FORMAT, Cassette, Fault
    from ._cuts import Arrival
    from ._drift import Change, Comparison, compare
    from ._errors import CassetteError, CassetteWarning, MissingRecordingError, ModeError
    from ._key import NEUTRAL, canonical, key_of
    from ._matcher import UNKNOWN, Matcher, StandIn, endpoint_name
    from ._modes import Mode
    from ._numbers import Asker, Numbers
    from ._record import Damaged, Record
    from ._tape import Tape
    from ._taped import Taped
    from ._verify import Check, Report, verify

__all__ = [
    "CASSETTE_VARIABLE",
    "ENDING",
    "FORMAT",
    "MODE_VARIABLE",
    "NEUTRAL",
    "UNKNOWN",
    "Arrival",
    "Asker",
    "AsyncTaped",
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
    "Matcher",
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
    "alone_with",
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

_PARTS = {
    "Arrival": "_cuts",
    "Asker": "_numbers",
    "AsyncTaped": "_async_taped",
    "Base": "_base",
    "CASSETTE_VARIABLE": "_active",
    "Cassette": "_cassette",
    "CassetteError": "_errors",
    "CassetteWarning": "_errors",
    "Change": "_drift",
    "Check": "_verify",
    "Comparison": "_drift",
    "Damaged": "_record",
    "ENDING": "_active",
    "FORMAT": "_cassette",
    "Fault": "_cassette",
    "Found": "_active",
    "MODE_VARIABLE": "_active",
    "Matcher": "_matcher",
    "MissingRecordingError": "_errors",
    "Mode": "_modes",
    "ModeError": "_errors",
    "NEUTRAL": "_key",
    "Numbers": "_numbers",
    "Record": "_record",
    "Report": "_verify",
    "StandIn": "_matcher",
    "Tape": "_tape",
    "Taped": "_taped",
    "UNKNOWN": "_matcher",
    "active": "_active",
    "alone_with": "_async_taped",
    "canonical": "_key",
    "compare": "_drift",
    "endpoint_name": "_matcher",
    "found": "_active",
    "in_block": "_active",
    "key_of": "_key",
    "record": "_active",
    "set_base": "_base",
    "verify": "_verify",
}

__getattr__ = names_of(__name__, _PARTS)
