"""What a stranger's file can hide from one reader and show to the next: nothing of it is imported."""

from __future__ import annotations

import copy
import gzip
import json
import sys

import numpy as np
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.vetting import Vetting
from rexnet_grid.errors import NetworkDataError

pp = pytest.importorskip("pandapower")

EVIL = '{"_module": "this", "_class": "s", "_object": "x"}'
HIDDEN = EVIL.replace("_module", "\\u005fmodule")


@pytest.fixture(scope="module")
def plain():
    """A net of two buses as pandapower writes it."""
    net = pp.create_empty_network()
    start, end = (pp.create_bus(net, 20.0, geodata=(7.0 + k, 50.0)) for k in range(2))
    pp.create_ext_grid(net, start)
    pp.create_line(net, start, end, 1.0, "NA2XS2Y 1x150 RM/25 12/20 kV")
    pp.create_load(net, end, 0.1)
    return json.loads(pp.to_json(net))


def _refused(tmp_path, text, told, name="net.json"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    sys.modules.pop("this", None)
    with pytest.raises(NetworkDataError, match=told):
        ElectricNetwork.from_file(file)
    assert "this" not in sys.modules


def _table_with(plain, *cells):
    """Return the text of the table load with further columns of these cells, as they stand."""
    held = json.loads(plain["_object"]["load"]["_object"])
    marks = [f"column {k}" for k in range(len(cells))]
    data = [row + [f"cell {k}" for k in range(len(cells))] for row in held["data"]]
    text = json.dumps(held | {"columns": held["columns"] + marks, "data": data})
    for k, cell in enumerate(cells):
        text = text.replace(f'"cell {k}"', cell)
    return text


def _with_load(plain, text, **more):
    data = copy.deepcopy(plain)
    data["_object"]["load"] |= {"_object": text, "dtype": {}, **more}
    return json.dumps(data)


@pytest.mark.parametrize(
    "lenient",
    ['"a\tb"', '"a\nb"', '"a\0b"', "01", "+1", ".5", "1.", '"\\x"', "[1,]", "9" * 5000, "'a'", "1/**/"],
)
def test_a_table_that_only_a_lenient_reader_reads_is_refused(plain, tmp_path, lenient):
    text = _table_with(plain, HIDDEN, lenient)
    assert HIDDEN in text
    assert lenient in text
    _refused(tmp_path, _with_load(plain, text), r"net\.json: load: got .*expected a table as pandapower\.to_json")


@pytest.mark.parametrize("around", ["\ufeff{}", "\xa0{}", "\0{}", "x{}", "{}x", "{}{{}}"])
def test_a_table_with_something_around_it_is_refused(plain, tmp_path, around):
    _refused(tmp_path, _with_load(plain, around.format(_table_with(plain, HIDDEN))), r"load: got")


@pytest.mark.parametrize("evil", [EVIL, HIDDEN, HIDDEN[:-1] + ', "y": NaN}', HIDDEN[:-1] + ', "y": 1e999}'])
@pytest.mark.parametrize("prefix", ["", " \n"])
def test_a_table_that_everybody_reads_is_vetted(plain, tmp_path, evil, prefix):
    _refused(tmp_path, _with_load(plain, prefix + _table_with(plain, evil)), r"this\.s")


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
@pytest.mark.parametrize("form", ["{}", '"{}"', "file://{}", " {}"])
def test_a_table_is_never_the_path_of_another_file(plain, tmp_path, suffix, form):
    second, text = tmp_path / f"second{suffix}", _table_with(plain, HIDDEN).encode()
    second.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    _refused(tmp_path, _with_load(plain, form.format(second)), "load: got")
    harmless = json.loads(plain["_object"]["load"]["_object"])
    second.write_text(json.dumps(harmless))
    _refused(tmp_path, _with_load(plain, form.format(second)), "load: got")


@pytest.mark.parametrize("kind", ["DataFrame", "Series", "GeoDataFrame"])
@pytest.mark.parametrize("content", ["/tables/second.json", "https://example.org/a.json", "1", "", [1], {"a": 1}, None])
def test_what_stands_for_a_table_anywhere_is_a_table(plain, tmp_path, kind, content):
    module = {"DataFrame": "pandas.core.frame", "Series": "pandas", "GeoDataFrame": "geopandas.geodataframe"}[kind]
    held = {"_module": module, "_class": kind, "_object": content}
    for value in (held, [held], json.dumps(held), {"a": json.dumps([held])}):
        data = copy.deepcopy(plain)
        data["_object"]["more"] = value
        _refused(tmp_path, json.dumps(data), r"(table|more): got .*expected a table as pandapower\.to_json")


@pytest.mark.parametrize(
    "option",
    [{"engine": "pyarrow"}, {"compression": "gzip"}, {"encoding": "x"}, {"storage_options": {}}, {"lines": True}],
)
def test_a_table_brings_no_options_for_its_reader(plain, tmp_path, option):
    told = f"{next(iter(option))} of a table"
    _refused(tmp_path, _with_load(plain, plain["_object"]["load"]["_object"], **option), told)
    _refused(tmp_path, _with_load(plain, "{}", dtype="string[pyarrow]"), r"dtype string\[pyarrow\] of a table")


def _controller(text):
    return {"_module": "pandapower.control.controller.const_control", "_class": "ConstControl", "_object": text}


def _frame(text):
    return {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": text, "orient": "split"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (_controller(f'{{"a": {HIDDEN}}}'), r"this\.s"),
        (_controller(json.dumps({"a": _frame("/second.json")})), r"table: got /second\.json"),
        (_controller(json.dumps({"a": _frame('{"columns": [01]}')})), "table: got"),
        (_frame(json.dumps({"columns": ["a"], "index": [0], "data": [[_frame("/second.json")]]})), "/second"),
        (
            {
                "_module": "pandapower.control.util.characteristic",
                "_class": "SplineCharacteristic",
                "_object": json.dumps({"index": 0, "x_vals": json.loads(EVIL), "y_vals": [1.0]}),
            },
            r"this\.s",
        ),
        ({"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": HIDDEN}, r"this\.s"),
        (
            {
                "_module": "networkx",
                "_class": "MultiGraph",
                "_object": {"nodes": [{"json_id": 0, "x": json.loads(EVIL)}], "adjacency": [[]], "graph": []},
            },
            r"this\.s",
        ),
        ({"_module": "pandapower.plotting", "_class": "Simple", "_object": "{}"}, r"pandapower\.plotting"),
        ({"_module": "pandapower.control..this", "_class": "X", "_object": "{}"}, r"control\.\.this"),
        ({"_module": "pandas", "_class": "io.DataFrame", "_object": "{}"}, r"pandas\.io\.DataFrame"),
        ({"_module": "numpy\n", "_class": "array", "_object": []}, "module or class"),
        ({"_module": "Numpy", "_class": "array", "_object": []}, r"Numpy\.array"),
        ({"_module": "pandapower.control", "_class": "function", "_object": "this"}, r"control\.function"),
        ({"_module": "this", "_class": "s", "_state": {}}, r"this\.s"),
        ({"_module": "networkx.classes.tests", "_class": "Graph", "_object": {}}, r"classes\.tests"),
        ("[" * 5000 + HIDDEN, "nesting deeper"),
    ],
)
def test_names_inside_objects_are_found(plain, tmp_path, value, told):
    data = copy.deepcopy(plain)
    data["_object"]["more"] = value
    _refused(tmp_path, json.dumps(data), told)


@pytest.mark.parametrize("value", [EVIL, json.loads(EVIL), json.dumps([json.loads(EVIL)])])
def test_coordinates_are_vetted(plain, tmp_path, value):
    data = copy.deepcopy(plain)
    bus = json.loads(data["_object"]["bus"]["_object"])
    bus["data"][0][bus["columns"].index("geo")] = value
    data["_object"]["bus"]["_object"] = json.dumps(bus)
    _refused(tmp_path, json.dumps(data), r"this\.s")


@pytest.mark.parametrize("key", ["_module", "\\u005fmodule"])
@pytest.mark.parametrize("first", [True, False])
def test_of_a_key_given_twice_both_count(plain, tmp_path, key, first):
    fine = '"_module": "numpy"'
    both = f'"{key}": "this", {fine}' if first else f'{fine}, "{key}": "this"'
    for table in (False, True):
        twice = f'{{{both}, "_class": "array", "_object": []}}'
        data = copy.deepcopy(plain)
        data["_object"]["more"] = "@"
        text = _with_load(plain, _table_with(plain, twice)) if table else json.dumps(data).replace('"@"', twice)
        _refused(tmp_path, text, r"this\.array")


@pytest.mark.parametrize("depth", [100, 980, 200_000])
def test_nesting_beyond_any_network_is_one_clear_error(plain, tmp_path, depth):
    data = copy.deepcopy(plain)
    data["_object"]["more"] = "@"
    _refused(tmp_path, json.dumps(data).replace('"@"', "[" * depth + "]" * depth), "file: got .*expected valid JSON")


def test_other_encodings_and_packed_files_are_refused(plain, tmp_path):
    data = copy.deepcopy(plain)
    data["_object"]["more"] = json.loads(EVIL)
    text = json.dumps(data)
    _refused(tmp_path, b"\xef\xbb\xbf" + text.encode(), r"this\.s")
    _refused(tmp_path, text.encode("utf-16"), "valid JSON")
    _refused(tmp_path, gzip.compress(text.encode()), "valid JSON")
    _refused(tmp_path, gzip.compress(text.encode()), r"expected \.json or \.xlsx", name="net.json.gz")
    _refused(tmp_path, text, r"this\.s", name="NET.JSON")


def test_what_was_vetted_is_what_is_read(plain):
    """Tables in tables are written anew: a later reader meets no key twice and no letter spelt as a number."""
    twice = '{"_module": "numpy", "\\u005fclass": "array", "_object": [1], "_object": [2]}'
    vetting = Vetting()
    data = vetting.read(_with_load(plain, _table_with(plain, twice)))
    assert not vetting.strangers | vetting.no_tables
    text = data["_object"]["load"]["_object"]
    assert '{"_module": "numpy", "_class": "array", "_object": [2]}' in text
    assert json.loads(text)["data"][0][:3] == json.loads(plain["_object"]["load"]["_object"])["data"][0][:3]


def test_numbers_come_through_unchanged(tmp_path):
    import pandapower.networks as nw

    net = nw.create_cigre_network_mv()
    net.bus.loc[0, "name"] = "pv_module 3"
    net.load["p_mw"] = np.random.default_rng(1).uniform(0.0, 1.0, len(net.load))
    pp.to_json(net, str(tmp_path / "net.json"))
    read = ElectricNetwork.from_file(tmp_path / "net.json")
    kept = pp.from_json(str(tmp_path / "net.json"))
    np.testing.assert_array_equal(read.base_injection(), ElectricNetwork.from_pandapower(kept).base_injection())
    assert read.case.bus_name[0] == "pv_module 3"
