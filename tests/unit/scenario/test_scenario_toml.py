"""Writing TOML: what is written is read back as it was."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexnet_grid.scenario.toml import dumps

KEYS = st.text(min_size=1, max_size=8)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.dates(),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=4),
    lambda inner: st.dictionaries(KEYS, st.one_of(VALUES, inner), max_size=3),
    max_leaves=6,
)


@given(TABLES)
def test_a_table_survives(data):
    assert tomllib.loads(dumps(data)) == data


@given(st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), min_size=1, max_size=3))
def test_an_array_of_tables_survives(members):
    assert tomllib.loads(dumps({"member": members})) == {"member": members}


def test_nothing_is_left_out_but_none():
    data = {"a": None, "b": {"c": datetime(2026, 1, 1, tzinfo=UTC), "d": [{"e": None, "f": date(2026, 1, 1)}]}}
    assert tomllib.loads(dumps(data)) == {"b": {"c": datetime(2026, 1, 1, tzinfo=UTC), "d": [{"f": date(2026, 1, 1)}]}}


def test_what_toml_cannot_say_is_refused():
    with pytest.raises(TypeError, match="complex"):
        dumps({"a": 1j})
