"""SimBench grids give pandapower's numbers, and are read from the cache the second time."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.errors import MissingExtraError, NetworkDataError

simbench = pytest.importorskip("simbench", reason="the extra simbench is not installed")
CODES = ("1-LV-rural1--0-sw", "1-LV-semiurb4--0-sw", "1-MV-rural--0-sw", "1-MVLV-rural-1.108-0-sw")


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_simbench(code, tmp_path, monkeypatch):
    import pandapower as pp

    monkeypatch.setenv("REXNET_CACHE", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = ElectricNetwork.from_simbench(code)
        again = ElectricNetwork.from_simbench(code)
        reference = simbench.get_simbench_net(code)
        pp.runpp(reference, tolerance_mva=1e-11)
    flow = net.power_flow(*net.base_injection())
    np.testing.assert_allclose(flow.vm_pu, reference.res_bus.vm_pu, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(again.power_flow(*again.base_injection()).vm_pu, flow.vm_pu)
    assert (tmp_path / "SIMBENCH-LICENCE.txt").exists()


def test_an_unknown_code_is_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((NetworkDataError, MissingExtraError)):
            ElectricNetwork.from_simbench("9-XX-nowhere")


def test_the_year_of_profiles_is_cut_once_and_drives_a_run(tmp_path, monkeypatch):
    from rexnet_grid import run
    from rexnet_grid.electric.simbench_grids import simbench_year
    from rexnet_grid.scenario import Scenario

    monkeypatch.setenv("REXNET_CACHE", str(tmp_path / "cache"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, again = simbench_year(CODES[0]), simbench_year(CODES[0])
        net = simbench.get_simbench_net(CODES[0])
        given = simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)
    np.testing.assert_array_equal(first.injection_kw, again.injection_kw)
    assert first.injection_kw.shape[0] == 35136
    column = first.name.index("load 3")
    np.testing.assert_allclose(first.injection_kw[:, column], -1e3 * given["load", "p_mw"][3], rtol=1e-6, atol=1e-9)
    scenario = Scenario.from_dict(
        {
            "scenario": {
                "name": "village",
                "start": datetime(2026, 1, 13, tzinfo=timezone(timedelta(hours=1))),
                "units": 4,
            },
            "electric": {"network": f"simbench:{CODES[0]}", "simbench_profiles": True},
        }
    )
    result = run(scenario, out=tmp_path / "run")
    night = first.injection_kw[12 * 96 : 12 * 96 + 4]
    assert night.max() <= 0.0
    expected = night.sum() * 0.25
    assert result.summary.carriers["electricity"].withdrawn_kwh == pytest.approx(-expected, rel=1e-3)


def test_the_village_of_the_package_runs(tmp_path, monkeypatch):
    from rexnet_grid import run
    from rexnet_grid.scenario import Scenario
    from rexnet_grid.scenario.catalogue import scenarios

    monkeypatch.setenv("REXNET_CACHE", str(tmp_path / "cache"))
    path = next(entry.path for entry in scenarios() if entry.name == "simbench_village")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(Scenario.load(path).with_({"scenario.units": 48}), out=tmp_path / "run")
    electricity = result.summary.carriers["electricity"]
    assert electricity.traded_kwh > 0.0
    assert electricity.energy_residual_relative < 1e-9
    assert result.summary.cash_sum_quanta == 0
