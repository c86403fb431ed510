"""Files from strangers, and the cache of cut networks."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest

from rexnet_grid.electric import ElectricNetwork, cache
from rexnet_grid.electric.catalogue import builtin_case
from rexnet_grid.errors import NetworkDataError

JOINING = ("line", "trafo", "trafo3w", "impedance", "dcline", "switch")


@pytest.fixture(scope="module")
def small():
    pp = pytest.importorskip("pandapower")
    import pandapower.networks as nw

    return pp, nw.create_cigre_network_lv()


def test_json_and_excel_give_the_same_network(small, tmp_path):
    import pandas as pd
    from pandapower.io_utils import to_dict_of_dfs

    pp, net = small
    pp.to_json(net, str(tmp_path / "net.json"))
    with pd.ExcelWriter(tmp_path / "net.xlsx", engine="openpyxl") as writer:
        for sheet, frame in to_dict_of_dfs(net, include_results=False, include_std_types=True).items():
            frame.to_excel(writer, sheet_name=sheet)
    expected = ElectricNetwork.from_pandapower(net)
    kw, kvar = expected.base_injection()
    for name in ("net.json", "net.xlsx"):
        read = ElectricNetwork.from_file(tmp_path / name)
        np.testing.assert_allclose(read.power_flow(kw, kvar).vm_pu, expected.power_flow(kw, kvar).vm_pu, atol=1e-10)


@pytest.mark.parametrize("name", ["net.p", "net.pkl", "net.txt", "missing.json"])
def test_pickles_and_other_kinds_are_never_opened(tmp_path, name):
    if name != "missing.json":
        (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(NetworkDataError):
        ElectricNetwork.from_file(tmp_path / name)


@pytest.mark.parametrize("where", ["top", "nested", "in a text", "in a cell"])
def test_a_json_that_names_a_foreign_module_is_refused_before_anything_is_imported(small, tmp_path, where):
    pp, net = small
    data = json.loads(pp.to_json(net))
    evil = {"_module": "antigravity", "_class": "anything", "_object": "{}"}
    if where == "top":
        data["_module"] = "antigravity"
    elif where == "nested":
        data["_object"]["name"] = [evil]
    elif where == "in a text":
        data["_object"]["name"] = json.dumps(evil)
    else:
        bus = json.loads(data["_object"]["bus"]["_object"])
        bus["data"][0][0] = json.dumps(evil)
        data["_object"]["bus"]["_object"] = json.dumps(bus)
    file = tmp_path / "evil.json"
    file.write_text(json.dumps(data))
    with pytest.raises(NetworkDataError, match="antigravity"):
        ElectricNetwork.from_file(file)
    assert "antigravity" not in sys.modules


def _module(name, kind="anything"):
    return {"_module": name, "_class": kind, "_object": "{}"}


HIDDEN = json.dumps(_module("antigravity")).replace("_module", "\\u005fmodule")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (_module("builtins", "eval"), "builtins.eval"),
        (_module("pandas", "read_pickle"), "pandas.read_pickle"),
        (_module("pandas.core.frame", "eval"), "pandas.core.frame.eval"),
        (_module("numpy", "load"), "numpy.load"),
        (_module("numpy.f2py", "compile"), "numpy.f2py.compile"),
        (_module("pandas", "function"), "pandas.function"),
        (_module("pandapower.file_io", "from_pickle"), "from_pickle"),
        (_module("pandapower_evil", "Net"), "pandapower_evil"),
        (_module(" antigravity"), "antigravity"),
        (_module(["antigravity"]), "antigravity"),
        ({"_module": "antigravity"}, "antigravity"),
        (json.dumps(json.dumps(_module("antigravity"))), "antigravity"),
        (HIDDEN, "antigravity"),
        ({HIDDEN: 1}, "antigravity"),
        ("{_module antigravity", "mentions"),
    ],
)
def test_what_hides_a_name_does_not_get_past(small, tmp_path, value, told):
    pp, net = small
    data = json.loads(pp.to_json(net))
    data["_object"]["more"] = value
    file = tmp_path / "evil.json"
    file.write_text(json.dumps(data))
    with pytest.raises(NetworkDataError, match=told):
        ElectricNetwork.from_file(file)
    assert "antigravity" not in sys.modules


def test_a_key_that_appears_twice_counts_twice(small, tmp_path):
    pp, net = small
    text = pp.to_json(net)
    first = text.index('"_module"')
    file = tmp_path / "evil.json"
    file.write_text(text[:first] + '"_module": "antigravity", ' + text[first:])
    with pytest.raises(NetworkDataError, match="antigravity"):
        ElectricNetwork.from_file(file)


def test_controllers_of_pandapower_and_byte_order_marks_are_no_strangers(small, tmp_path):
    import copy

    from pandapower.control import ContinuousTapControl

    pp, net = small
    net = copy.deepcopy(net)
    taps = {"tap_side": "hv", "tap_neutral": 0.0, "tap_pos": 0.0, "tap_min": -2.0, "tap_max": 2.0}
    for column, value in (taps | {"tap_step_percent": 2.5}).items():
        net.trafo[column] = value
    ContinuousTapControl(net, 0, vm_set_pu=1.0)
    file = tmp_path / "controlled.json"
    file.write_bytes(b"\xef\xbb\xbf" + pp.to_json(net).encode())
    assert ElectricNetwork.from_file(file).case.controlled == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\x00"])
def test_broken_json_is_one_clear_error(tmp_path, text):
    file = tmp_path / "broken.json"
    file.write_text(text)
    with pytest.raises(NetworkDataError, match="broken"):
        ElectricNetwork.from_file(file)


def test_a_broken_excel_is_one_clear_error(tmp_path):
    file = tmp_path / "broken.xlsx"
    file.write_bytes(b"no workbook")
    with pytest.raises(NetworkDataError, match="broken"):
        ElectricNetwork.from_file(file)


def _workbook(net, file, change):
    import pandas as pd
    from pandapower.io_utils import to_dict_of_dfs

    sheets = to_dict_of_dfs(net, include_results=False, include_std_types=True)
    change(sheets)
    with pd.ExcelWriter(file, engine="openpyxl") as writer:
        for sheet, frame in sheets.items():
            frame.to_excel(writer, sheet_name=sheet)


def _evil_cell(sheets):
    sheets["bus"]["name"] = [json.dumps(_module("antigravity")), *sheets["bus"]["name"].iloc[1:]]


def _text_for_a_number(sheets):
    sheets["line"]["length_km"] = ["long", *sheets["line"]["length_km"].iloc[1:]]


def _renamed(sheet, column, header):
    return lambda sheets: sheets.update({sheet: sheets[sheet].rename(columns={column: header})})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_evil_cell, "antigravity"),
        (_text_for_a_number, "line 0: got length_km long"),
        (lambda sheets: sheets.update(loads=sheets.pop("load")), "sheet loads.*expected a sheet load"),
        (lambda sheets: sheets.pop("bus"), "sheet bus: it is missing.*\n.*bus: got no rows"),
        (lambda sheets: sheets.pop("line"), r"net\.xlsx: sheet line: it is missing; expected the sheet that"),
        (
            lambda sheets: [sheets.pop(s) for s in ("dtypes", *JOINING)],
            "sheet line: it is missing; expected a sheet of",
        ),
        (lambda sheets: sheets.update(line=sheets["line"][[]].iloc[:0]), "sheet line: got no columns"),
        (lambda sheets: sheets.update(parameters=sheets["parameters"].T), "sheet parameters: got KeyError"),
        (_renamed("bus", "name", "nme"), r"net\.xlsx: sheet bus: got column nme; expected a column name"),
        (_renamed("line", "g_us_per_km", ""), r"sheet line: got column .*; expected a column g_us_per_km"),
    ],
)
def test_a_broken_sheet_is_named(small, tmp_path, change, told):
    file = tmp_path / "net.xlsx"
    _workbook(small[1], file, change)
    with pytest.raises(NetworkDataError, match=told):
        ElectricNetwork.from_file(file)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("told_types", [True, False])
def test_a_workbook_with_a_column_more_or_one_less_that_nobody_needs_is_read(small, tmp_path, told_types):
    def change(sheets):
        sheets["bus"] = sheets["bus"].drop(columns=["name"])
        sheets["load"]["remark"] = "measured"
        if not told_types:
            sheets.pop("dtypes")

    _workbook(small[1], tmp_path / "net.xlsx", change)
    assert ElectricNetwork.from_file(tmp_path / "net.xlsx").case.n_bus == len(small[1].bus)


def _types_of_results(sheets):
    """Pandapower 2 told the types of result tables too, which it did not write."""
    sheets["dtypes"].loc[len(sheets["dtypes"])] = ["res_bus", "vm_pu", "float64"]


@pytest.mark.parametrize("change", [lambda sheets: sheets.pop("dtypes"), _types_of_results])
def test_a_workbook_that_tells_no_types_or_more_is_read(small, tmp_path, change):
    file = tmp_path / "net.xlsx"
    _workbook(small[1], file, change)
    read, expected = ElectricNetwork.from_file(file), ElectricNetwork.from_pandapower(small[1])
    np.testing.assert_allclose(
        read.power_flow(*read.base_injection()).vm_pu, expected.power_flow(*expected.base_injection()).vm_pu, atol=1e-10
    )


def test_a_workbook_of_pandapower_2_is_read_with_its_buses_coordinates(small, tmp_path):
    import pandas as pd

    def as_then(sheets):
        place = np.arange(float(len(sheets["bus"])))
        sheets["bus"] = sheets["bus"].drop(columns="geo")
        sheets["bus_geodata"] = pd.DataFrame({"x": 7.0 + place, "y": 50.0 - place}, index=sheets["bus"].index)
        sheets["line_geodata"] = pd.DataFrame({"x0": [7.0], "y0": [50.0]}, index=[0])
        sheets["parameters"][["version", "format_version"]] = "2.14.0"

    _workbook(small[1], tmp_path / "net.xlsx", as_then)
    read, expected = ElectricNetwork.from_file(tmp_path / "net.xlsx"), ElectricNetwork.from_pandapower(small[1])
    np.testing.assert_allclose(
        read.power_flow(*read.base_injection()).vm_pu, expected.power_flow(*expected.base_injection()).vm_pu, atol=1e-10
    )
    np.testing.assert_array_equal(read.bus_xy()[:2], [[7.0, 50.0], [8.0, 49.0]])


def test_the_cache_returns_what_was_stored_and_refuses_what_is_stale(tmp_path, monkeypatch):
    monkeypatch.setenv("REXNET_CACHE", str(tmp_path))
    case = builtin_case("case9")
    again = cache.load_case("case9 supply_vm_pu=None tap_pos=None", _origin())
    assert again is not None
    assert again.name == case.name
    np.testing.assert_array_equal(again.edge_y, case.edge_y)
    assert cache.load_case("case9 supply_vm_pu=None tap_pos=None", "pandapower 0.1") is None
    for file in tmp_path.iterdir():
        file.write_bytes(b"damaged")
    assert cache.load_case("case9 supply_vm_pu=None tap_pos=None", _origin()) is None


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("REXNET_CACHE", str(blocked))
    assert builtin_case("case9").n_bus == 9


def _origin() -> str:
    from importlib.metadata import version

    return f"pandapower {version('pandapower')}"


def _lost(table, column):
    def change(net):
        net[table] = net[table].drop(columns=[column])

    return change


def _set(table, column, value):
    def change(net):
        net[table][column] = net[table][column].astype(object)
        net[table].loc[net[table].index[0], column] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda net: net.__setitem__("bus", net["bus"].iloc[:0]), "bus: got no rows"),
        (_lost("line", "r_ohm_per_km"), "line.r_ohm_per_km"),
        (_lost("bus", "vn_kv"), "bus.vn_kv"),
        (_set("load", "p_mw", "much"), "load 0: got p_mw much"),
        (_set("load", "p_mw", float("nan")), "load 0: got p_mw nan"),
        (_set("line", "length_km", float("inf")), "line 0: got length_km inf"),
        (_set("load", "bus", 999), "load 0: got bus 999"),
        (_set("trafo", "lv_bus", 999), "trafo 0: got lv_bus 999"),
        (_set("line", "length_km", 0.0), "line 0: got length_km 0; expected above zero"),
        (_set("line", "in_service", None), "line 0: got in_service nan"),
        (_set("line", "to_bus", 2), "line 0: got both ends at bus 2"),
        (_set("trafo", "sn_mva", 0.0), "trafo 0: got sn_mva 0"),
        (_set("trafo", "vk_percent", 0.0), "trafo 0: got vk_percent 0"),
        (_set("bus", "vn_kv", 0.0), "bus 0: got vn_kv 0"),
        (_set("switch", "element", 999), "switch 0: got element 999"),
        (_set("line", "parallel", 0), "line 0: got parallel 0; expected above zero"),
        (_set("trafo", "parallel", 0), "trafo 0: got parallel 0; expected above zero"),
        (_set("line", "df", None), "line 0: got df"),
        (_set("line", "max_i_ka", "big"), "line 0: got max_i_ka big; expected a finite number, or nothing"),
        (_set("trafo", "tap_pos", "x"), "trafo 0: got tap_pos x; expected a finite number, or nothing"),
        (_set("trafo", "tap_side", "up"), "trafo 0: got tap_side up; expected hv, lv or nothing"),
        (_set("load", "const_z_p_percent", "x"), "load 0: got const_z_p_percent x"),
        (_set("bus", "in_service", None), "bus 0: got in_service nan; expected true or false"),
        (lambda net: net.update(format_version="99.0.0", version="99.0.0"), "format_version: got 99.0.0"),
        (lambda net: net.__setitem__("bus", net["bus"].rename(index={3: 2})), "bus 2: got index used twice"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_by_row_and_column(small, change, told):
    import copy

    net = copy.deepcopy(small[1])
    change(net)
    with pytest.raises(NetworkDataError) as caught:
        ElectricNetwork.from_pandapower(net)
    assert told in str(caught.value)


def test_everything_wrong_in_the_tables_is_named_at_once(small):
    import copy

    net = copy.deepcopy(small[1])
    net.load["bus"] = net.load["bus"].astype("int64")
    net.load.loc[net.load.index[:2], "bus"] = [777, 888]
    net.line.loc[net.line.index[0], "r_ohm_per_km"] = float("nan")
    with pytest.raises(NetworkDataError) as caught:
        ElectricNetwork.from_pandapower(net)
    assert len(caught.value.issues) == 3


@pytest.mark.parametrize("version", ["99.0.0", "x"])
def test_a_net_of_another_pandapower_version_is_one_clear_error(small, tmp_path, version):
    pp, net = small
    data = json.loads(pp.to_json(net))
    data["_object"]["version"] = data["_object"]["format_version"] = version
    file = tmp_path / "other.json"
    file.write_text(json.dumps(data))
    with pytest.raises(NetworkDataError, match=f"other.json: format_version: got {version}; expected"):
        ElectricNetwork.from_file(file)


def _without(data, table, column):
    held = json.loads(data["_object"][table]["_object"])
    at = held["columns"].index(column)
    for row in (held["columns"], *held["data"]):
        row.pop(at)
    data["_object"][table] |= {"_object": json.dumps(held)}
    data["_object"][table]["dtype"].pop(column)


@pytest.mark.parametrize(
    ("version", "column", "told"),
    [
        (None, "p_mw", r"load\.p_mw: got no such column"),
        ("2.14.0", "p_mw", r"load\.p_mw: got no such column"),
        (
            "1.0",
            None,
            r"net\.json: format_version: got 1\.0; expected a net that pandapower .* can convert .*save it again",
        ),
        (None, "", r"net\.json: load: got .*expected a table as pandapower\.to_json writes it"),
    ],
)
def test_a_json_that_lacks_what_its_format_has_is_told_by_table_and_version(small, tmp_path, version, column, told):
    pp, net = small
    data = json.loads(pp.to_json(net))
    if version:
        data["_object"]["version"] = data["_object"]["format_version"] = version
    if column:
        _without(data, "load", column)
    elif column is not None:
        data["_object"]["load"]["_object"] = '{"columns":'
    (tmp_path / "net.json").write_text(json.dumps(data))
    with pytest.raises(NetworkDataError, match=told) as caught:
        ElectricNetwork.from_file(tmp_path / "net.json")
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize(("table", "column", "value"), [("load", "in_service", "no"), ("load", "scaling", np.nan)])
def test_a_switch_of_text_and_a_missing_scaling_are_named(small, table, column, value):
    net = copy.deepcopy(small[1])
    net[table][column] = net[table][column].astype(object)
    net[table].loc[2, column] = value
    with pytest.raises(NetworkDataError, match=f"{table} 2: got {column} {value}"):
        ElectricNetwork.from_pandapower(net)


def test_json_that_is_no_net_is_told_as_such(tmp_path):
    file = tmp_path / "other.json"
    for text, told in (
        ('{"bus": [1, 2]}', "bus: got list; expected a table"),
        ('{"a": 1}', "expected a pandapower net"),
    ):
        file.write_text(text)
        with pytest.raises(NetworkDataError, match=told):
            ElectricNetwork.from_file(file)


def test_a_net_in_memory_of_an_earlier_format_is_converted_as_its_file_is():
    import pandapower.networks as nw

    net = nw.create_cigre_network_mv()
    old = copy.deepcopy(net)
    old["format_version"] = old["version"] = "2.2.0"
    old.trafo = old.trafo.drop(columns=["tap_changer_type"])
    old.trafo["tap_phase_shifter"] = False
    kept = old.trafo.columns
    grid, same = ElectricNetwork.from_pandapower(old), ElectricNetwork.from_pandapower(net)
    np.testing.assert_array_equal(
        grid.power_flow(*grid.base_injection()).vm_pu, same.power_flow(*same.base_injection()).vm_pu
    )
    assert old.format_version == "2.2.0"
    assert old.trafo.columns.equals(kept)
    old["format_version"] = "1.0"
    old.line = old.line.rename(columns={"length_km": "length"})
    with pytest.raises(NetworkDataError, match=r"format_version: got 1\.0; expected a net that pandapower"):
        ElectricNetwork.from_pandapower(old)


@pytest.mark.parametrize(("table", "column"), [("line", "length_km"), ("line", "max_i_ka"), ("load", "p_mw")])
def test_text_where_a_number_belongs_is_named_in_rows_out_of_service_too(table, column):
    import pandapower.networks as nw

    net = nw.create_cigre_network_mv()
    net[table].loc[2, "in_service"] = False
    net[table][column] = net[table][column].astype(object)
    net[table].loc[2, column] = "abc"
    with pytest.raises(NetworkDataError, match=rf"{table} 2: got {column} abc"):
        ElectricNetwork.from_pandapower(net)
    net[table].loc[2, column] = np.nan
    grid = ElectricNetwork.from_pandapower(net)
    assert grid.power_flow(np.zeros(15)).converged
    assert grid.changed(out=["switch 0"], closed=["switch 4"]).power_flow(np.zeros(15)).converged
