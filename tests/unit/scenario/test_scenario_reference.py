"""The reference is made from the models: every key is described, and the page in docs is fresh."""

from __future__ import annotations

from rexnet_grid.scenario.hints import inner_model, keys_of
from rexnet_grid.scenario.models import Scenario
from rexnet_grid.scenario.reference import json_schema, reference

MARK = "<!-- below: rexnet schema -->\n\n"


def models(model=Scenario):
    yield model
    for field in model.model_fields.values():
        inner = inner_model(field.annotation)
        if inner is not None:
            yield from models(inner)


def test_every_field_is_described():
    bare = [
        f"{model.__name__}.{name}" for model in models() for name, f in model.model_fields.items() if not f.description
    ]
    assert bare == []


def test_every_key_is_in_the_reference():
    text = reference()
    for key in keys_of(Scenario):
        assert f"[{key}" in text
    for model in models():
        for name, field in model.model_fields.items():
            if inner_model(field.annotation) is None and "_from_number" not in vars(model):
                assert f"| `{name}` |" in text


def test_the_schema_for_editors_forbids_unknown_keys():
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["scenario"]


def test_the_page_is_fresh(root):
    page = (root / "docs" / "scenario.md").read_text(encoding="utf-8")
    assert page.partition(MARK)[2].strip() == reference().strip(), "write the output of `rexnet schema` below the mark"
