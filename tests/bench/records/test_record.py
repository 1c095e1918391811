"""A record survives its line, and a wrong line is refused with the name of what is wrong."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError
from synthetic_records import BASE, measured, record

from hypergrad_bench.bench.errors import UserError, nearest, unwritable
from hypergrad_bench.bench.failure import failure_of
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status, status_named
from hypergrad_bench.bench.report.tables import make_tables

INTERFACE = set(
    """id task regularizer size dtype seed solver method status steps residual adjoint_residual relative_error
    cosine norm_ratio reference reference_error solve_seconds solve_seconds_q1 solve_seconds_q3 total_seconds
    total_seconds_q1 total_seconds_q3 compile_seconds memory_bytes environment""".split()  # noqa: SIM905
)


def test_every_field_and_status_is_explained_where_users_look(repository):
    text = (repository / "results" / "README.md").read_text()
    fields = {name.removesuffix("_q1").removesuffix("_q3") for name in Record.model_fields}
    assert {name for name in fields if f"`{name}`" not in text} == set()
    assert {status.value for status in Status if f"| `{status.value}` |" not in text} == set()


def test_round_trip_is_exact():
    before = measured(environment={"x64": True, "variables": {"A": None}}, input_hashes={".y": "ab"})
    assert Record.from_line(before.to_line()) == before


def test_line_is_one_line_of_strict_json_with_the_fields_that_scripts_use():
    line = measured(reason="two\nlines").to_line()
    fields = json.loads(line, parse_constant=pytest.fail)
    assert "\n" not in line
    assert set(fields) >= INTERFACE
    assert fields["status"] == "ok"


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -np.inf, np.float32("nan"), jnp.asarray(jnp.nan)]
)
def test_not_finite_is_null_in_memory_as_on_the_line(value):
    bad = measured(relative_error=value, status=Status.NOT_FINITE)
    assert bad.relative_error is None
    assert json.loads(bad.to_line())["relative_error"] is None
    assert Record.from_line(bad.to_line()) == bad


@pytest.mark.parametrize("value", [2.5, np.float32(2.5), jnp.asarray(2.5)])
def test_scalars_of_any_library_are_floats(value):
    assert type(measured(steps=value).steps) is float


def test_fields_of_a_newer_version_are_dropped_when_read():
    line = json.dumps(json.loads(record().to_line()) | {"energy_joules": 3.0})
    assert Record.from_line(line) == record()


def test_misspelt_field_is_refused_when_made():
    with pytest.raises(ValidationError, match="realtive_error"):
        record(realtive_error=0.1)


@pytest.mark.parametrize("name", sorted(BASE))
def test_missing_field_is_named(name):
    fields = json.loads(record().to_line())
    del fields[name]
    with pytest.raises(UserError, match=f"required field '{name}'"):
        Record.from_line(json.dumps(fields))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"status": "fine"}, "'status' holds 'fine'.*'ok'"),
        ({"id": "XYZ"}, "'id' holds 'XYZ'"),
        ({"seed": "zero"}, "'seed' holds 'zero'"),
        ({"steps": "many"}, "'steps' holds 'many'"),
    ],
)
def test_wrong_value_is_named(change, complaint):
    with pytest.raises(UserError, match=complaint):
        Record.from_line(json.dumps(json.loads(record().to_line()) | change))


@pytest.mark.parametrize("line", ["", "{", "[1]", "nonsense", '{"steps": NaN}', "null"])
def test_what_is_no_record_is_refused(line):
    with pytest.raises(UserError, match="not a "):
        Record.from_line(line)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"size": "16by16"}, "'size' holds '16by16'"),
        ({"size": "9" * 5000}, "'size' holds '9+ ...: string should match"),
        ({"batch": 0}, "'batch' holds 0"),
        ({"total_seconds": -1.0}, "'total_seconds' holds -1.0"),
        ({"memory_bytes": True}, "'memory_bytes' holds True"),
        ({"steps": 10**400}, "beyond the largest float"),
    ],
)
def test_numbers_that_nobody_measures_are_refused(change, complaint):
    with pytest.raises(UserError, match=complaint):
        Record.from_line(json.dumps(json.loads(record().to_line()) | change))


def test_a_number_beyond_a_float_is_refused_and_not_read_as_none():
    line = record(steps=1.5).to_line().replace('"steps":1.5', '"steps":1e400')
    with pytest.raises(UserError, match="beyond the largest float"):
        Record.from_line(line)


def test_the_failure_of_is_recorded_and_its_first_line_shown():
    try:
        raise TypeError("no\n  such\nthing \udcff")
    except TypeError as error:
        failed = record(status=Status.FAILED, reason=failure_of(error))
    assert failed.reason == "TypeError: no\n  such\nthing \\udcff"
    assert Record.from_line(failed.to_line()) == failed
    assert failed.explanation == "TypeError: no"
    (table,) = make_tables([failed])
    assert table.rows[0].reason == "TypeError: no"


def test_records_of_a_run_share_where_they_were_made():
    line = measured(environment={"jax": "1", "variables": {}}, command=["hgb"]).to_line()
    one, other = Record.from_line(line), Record.from_line(line)
    assert one.environment is other.environment


def test_record_is_frozen():
    with pytest.raises(ValidationError):
        record().task = "other"


def test_statuses_are_a_closed_documented_list():
    expected = (
        "ok max_steps adjoint_missed not_certified nonsmooth diverged out_of_range not_finite not_supported "
        "not_installed out_of_memory timed_out crashed failed"
    )
    assert [str(status) for status in Status] == expected.split()
    assert all(status.sentence for status in Status)
    assert [status for status in Status if status.measured] == [
        Status.OK,
        Status.MAX_STEPS,
        Status.ADJOINT_MISSED,
        Status.NOT_CERTIFIED,
    ]


def test_a_status_outside_the_list_is_refused_with_the_nearest() -> None:
    assert status_named("not_certified") is Status.NOT_CERTIFIED
    with pytest.raises(
        UserError, match=r"unknown status 'timeout'; did you mean 'timed_out'\? accepted: adj"
    ):
        status_named("timeout")
    with pytest.raises(UserError, match="unknown status 'None'; accepted"):
        status_named(None)


def test_nearest_match_is_offered():
    sentence = nearest("Closed-From", ["closed-form", "implicit"], kind="method")
    assert sentence == (
        "unknown method 'Closed-From'; did you mean 'closed-form'? accepted: closed-form, implicit"
    )


def test_no_near_match_leaves_the_question_out():
    assert nearest("zebra", ["implicit"]) == "unknown name 'zebra'; accepted: implicit"


def test_unwritable_names_path_and_reason(tmp_path):
    message = str(unwritable(tmp_path, PermissionError(13, "Permission denied")))
    assert str(tmp_path) in message
    assert "Permission denied" in message
