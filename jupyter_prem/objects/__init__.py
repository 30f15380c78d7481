"""A notebook's own objects as the API has them: types as schemas, functions as tools, values as text.

pydantic and jsonschema are imported by the first schema or tool, not by this package.
"""

from ._schema import Schema, schema_of, wire_schema
from ._tool import ERROR, ArgumentsError, Tool, tool_name, tool_of, tools_of
from ._values import as_text
from ._wire import Wired, wired

__all__ = [
    "ERROR",
    "ArgumentsError",
    "Schema",
    "Tool",
    "Wired",
    "as_text",
    "schema_of",
    "tool_name",
    "tool_of",
    "tools_of",
    "wire_schema",
    "wired",
]
