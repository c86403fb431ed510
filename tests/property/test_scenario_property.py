"""Whatever a file holds, the answer is a scenario or a list of issues; nothing else is ever raised."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from datetime import UTC, date, datetime, time
from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st

from rexnet_grid import Scenario
from rexnet_grid.errors import ScenarioError
from rexnet_grid.scenario.hints import inner_model, keys_of
from rexnet_grid.scenario.models import Scenario as Root


def known_keys(model=Root):
    keys = set(keys_of(model))
    for field in model.model_fields.values():
        inner = inner_model(field.annotation)
        keys |= known_keys(inner) if inner is not None else set()
    return keys


SECTIONS = st.sampled_from(sorted(keys_of(Root)))
KEYS = st.one_of(st.sampled_from(sorted(known_keys())), st.text(max_size=5))
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["bus 1", "try2010:12", "cigre_lv", "load", "Europe/Berlin"]),
    st.just(date(2026, 1, 1)),
    st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    st.just(time(3)),
)
TABLES = st.dictionaries(KEYS, st.one_of(VALUES, st.lists(VALUES, max_size=3)), max_size=5)
NESTED = st.one_of(TABLES, st.dictionaries(KEYS, TABLES, max_size=3), st.lists(TABLES, max_size=3), VALUES)
FILES = st.dictionaries(st.one_of(SECTIONS, st.text(max_size=5)), NESTED, max_size=5)
VALID = {"scenario": {"name": "s", "start": date(2026, 1, 13)}, "electric": {"network": "cigre_lv"}}


def answer(data):
    try:
        return Scenario.from_dict(data), ()
    except ScenarioError as error:
        return None, error.issues


def check(issues):
    for issue in issues:
        assert issue.where
        assert issue.key
        assert issue.expected
        assert not any(category(character) == "Cc" for character in str(issue))


@given(FILES)
def test_any_file_is_answered(data):
    scenario, issues = answer(data)
    assert (scenario is None) == bool(issues)
    check(issues)


@given(FILES)
def test_any_addition_to_a_valid_file_is_answered_and_what_is_valid_survives(data):
    scenario, issues = answer({**data, **VALID})
    check(issues)
    if scenario is not None:
        assert Scenario.from_dict(tomllib.loads(scenario.to_toml())).resolved() == scenario.resolved()


@given(st.lists(KEYS, min_size=1, max_size=4).map(".".join), VALUES)
def test_any_setting_is_answered(key, value):
    with suppress(ScenarioError):
        Scenario.from_dict(VALID).with_({key: value})
