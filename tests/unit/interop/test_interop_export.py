"""A run in other formats holds the same numbers with the same units."""

from __future__ import annotations

import pandas as pd
import pytest

from rexnet_grid.errors import InputError, MissingExtraError, OutputError
from rexnet_grid.interop import export_run, exporting
from rexnet_grid.results import Results


def test_csv_holds_every_table_with_units(exported_run, tmp_path):
    out = export_run(exported_run, to="csv", out=tmp_path / "csv")
    run = Results.open(exported_run)
    files = {path.stem for path in out.glob("*.csv")} - {"columns"}
    assert files == {name.replace("/", "_") for name in run.tables}
    vm = pd.read_csv(out / "electric_vm_pu.csv", index_col="time", float_precision="round_trip")
    assert vm.index[0] == "2026-01-13T00:00:00+0100"
    assert vm.to_numpy() == pytest.approx(run.electric.vm_pu.to_numpy(), abs=0.0)
    columns = pd.read_csv(out / "columns.csv", keep_default_na=False).set_index(["file", "column"])
    assert columns.loc[("electric_vm_pu.csv", "bus 0"), "unit"] == "p.u."
    assert columns.loc[("trades.csv", "price_ticks"), "meaning"] == "price"
    assert len(pd.read_csv(out / "trades.csv")) == len(run.trades)
    assert (out / "manifest.json").read_bytes() == (exported_run / "manifest.json").read_bytes()


def test_beside_the_run_unless_told_otherwise(exported_run):
    assert export_run(exported_run) == exported_run.with_name("day-csv")
    with pytest.raises(OutputError, match="there already"):
        export_run(exported_run)


def test_bad_requests_get_a_clear_answer(exported_run, tmp_path):
    with pytest.raises(InputError, match="csv"):
        export_run(exported_run, to="cvs", out=tmp_path / "x")
    with pytest.raises(InputError, match="no such run"):
        export_run(tmp_path / "nothing")


def test_netcdf_is_an_extra(exported_run, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"rexnet_grid\[netcdf\]"):
        export_run(exported_run, to="netcdf", out=tmp_path / "run.nc")
    assert not (tmp_path / "run.nc").exists()


def test_netcdf_holds_the_same_numbers(exported_run, tmp_path):
    for package in ("xarray", "h5netcdf", "h5py"):
        pytest.importorskip(package, reason=f"{package} of the extra netcdf is not installed")
    import xarray as xr

    out = export_run(exported_run, to="netcdf", out=tmp_path / "run.nc")
    run = Results.open(exported_run)
    with xr.open_dataset(out, engine="h5netcdf", group="electric/vm_pu") as vm:
        assert vm.vm_pu.to_numpy() == pytest.approx(run.electric.vm_pu.to_numpy(), abs=0.0)
        assert list(vm.element.to_numpy()) == list(run.electric.vm_pu.columns)
        assert pd.Timestamp(vm.time.to_numpy()[0], tz="UTC") == run.electric.vm_pu.index[0]
    with xr.open_dataset(out, engine="h5netcdf", group="heat/supply_c") as supply:
        assert supply.supply_c.attrs["units"] == "degree_Celsius"
    with xr.open_dataset(out, engine="h5netcdf", group="trades") as trades:
        assert list(trades.buyer.to_numpy()) == list(run.trades["buyer"])
        assert trades.lots.to_numpy().sum() == run.trades["lots"].sum()
    with xr.open_dataset(out, engine="h5netcdf") as head:
        assert head.attrs["title"].startswith("A made-up")
