"""Records as Apache Parquet: one row per record, one typed column per field."""

import importlib
import io
import json
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import JsonValue

from ..errors import UserError
from ..records.record import Record

NESTED = ("input_hashes", "environment", "command")
"""Fields that stand as JSON texts: their own fields differ from run to run."""


def parquet_of_records(records: Sequence[Record], about: Mapping[str, JsonValue]) -> bytes:
    """Return a Parquet file with a column for every field of a record; what was not measured is null.

    Args:
        records: one row each, in this order.
        about: becomes the file's metadata `hypergrad_bench`, as JSON.

    Raises:
        UserError: if pyarrow is not installed.
    """
    arrow = pyarrow("pyarrow")
    columns = {
        name: arrow.array([_plain(getattr(record, name), name) for record in records], _type(arrow, name))
        for name in Record.model_fields
    }
    return parquet_file(columns, {"hypergrad_bench": json.dumps(dict(about))})


def parquet_file(columns: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Return a Parquet file of some columns, arrays of pyarrow or lists, with text as its metadata."""
    table = pyarrow("pyarrow").table(dict(columns)).replace_schema_metadata(dict(metadata))
    file = io.BytesIO()
    pyarrow("pyarrow.parquet").write_table(table, file)
    return file.getvalue()


def pyarrow(module: str) -> Any:
    """Import pyarrow or one of its modules; raise `UserError` if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError("pyarrow is not installed: pip install 'hypergrad-bench[parquet]'") from error


def _kinds(annotation: Any) -> set[Any]:
    """Return the plain types of a union, some of which carry limits in an `Annotated` of their own."""
    inside = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _kinds(inside[0])
    return set().union(*map(_kinds, inside)) if get_origin(annotation) in (UnionType, Union) else {annotation}


def _plain(value: Any, name: str) -> Any:
    if name == "status":
        return value.value
    return json.dumps(value) if name in NESTED else value


def _type(arrow: Any, name: str) -> Any:
    """Return the column's type: that of the field, also where no record has a value."""
    kinds = _kinds(Record.model_fields[name].annotation)
    if bool in kinds:
        return arrow.bool_()
    if float in kinds:
        return arrow.float64()
    return arrow.int64() if int in kinds else arrow.string()
