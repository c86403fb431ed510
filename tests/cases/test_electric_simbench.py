"""SimBench grids give pandapower's numbers, and are read from the cache the second time."""

from __future__ import annotations

import warnings

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
