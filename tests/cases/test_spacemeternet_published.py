"""Published grey-box estimates, reached or bettered on the measured data they come from."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet.fitting import curvature, maximise
from rexnet_grid.spacemeternet.greybox import HouseOptions, compare, fit_house
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.rcnetwork import Parameter, RCNetwork
from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet


@pytest.fixture(scope="module")
def measured(validation_dir):
    folder = validation_dir / "spacemeternet"
    if not folder.is_dir():
        pytest.skip(f"no spacemeternet data in {validation_dir}")
    return folder


def test_dtu_1983_equals_ctsm_r(measured):
    """Madsen and Holst (1995), DOI 10.1016/0378-7788(94)00904-X; CTSM-R's estimates as in the folder's README.

    A and B, first row within 2 %, log-likelihood at least 792.0. CTSM-R reads all inputs with zero-order hold.
    """
    d = pd.read_csv(measured / "dtu_lowenergy_1983" / "data_building.csv")
    data = Observations.from_readings(d[["yTi"]].to_numpy(), d[["Ta", "Ph", "Gv"]].to_numpy(), 1 / 6)
    options = HouseOptions((False, False, False), initial_variance=1.0, loss=0.05, sun_to_medium=True)
    found = fit_house("TiTm", data, options)
    assert found.loglik >= 792.0
    a, b = found.state_space()
    np.testing.assert_allclose(a[0], [-4.7239320, 4.6707253], rtol=0.02)
    np.testing.assert_allclose(b[0], [0.05320661, 1.142277, 2.6931338], rtol=0.02)


FLEXHOUSE = {"Ti": 2476.0, "TiTe": 3536.0, "TiTh": 3899.0, "TiThTe": 5430.0, "TiTeThTs": 5509.0}


def test_flexhouse_nested_models(measured):
    """Bacher and Madsen (2011), DOI 10.1016/j.enbuild.2011.02.005; P0 = I, zero-order hold, log-likelihood at least."""
    d = pd.read_csv(measured / "flexhouse_prbs1" / "inputPRBS1.csv", sep=";")
    data = Observations.from_readings(d[["yTi"]].to_numpy(), d[["Ta", "Ph", "Ps"]].to_numpy(), 1 / 12)
    options = HouseOptions((False, False, False), initial_variance=1.0, loss=0.2)
    fits = [fit_house(name, data, options, starts=20) for name in FLEXHOUSE]
    for fit in fits:
        assert fit.loglik >= FLEXHOUSE[fit.name], fit.name
    table = compare(fits, {"TiTe": "Ti", "TiTh": "Ti", "TiThTe": "TiTh", "TiTeThTs": "TiThTe"})
    assert table["bic"].idxmin() == "TiTeThTs"
    assert (table["p_value"].dropna() < 1e-6).all()


def armadillo():
    """Return pySIP's TwTi_RoRi: wall and interior, no solar, first-order hold, process noise on the wall only."""
    net = RCNetwork(inputs=("outdoor", "heat"), first_order=(True, True))
    gw = net.parameter(Parameter("1/Ro", "W/K", 100.0, 1e-3, 1e5))
    gi = net.parameter(Parameter("1/Ri", "W/K", 1000.0, 1e-3, 1e5))
    cw = net.parameter(Parameter("Cw", "W d/K", 115.0, 1e-3, 1e5))
    ci = net.parameter(Parameter("Ci", "W d/K", 11.5, 1e-3, 1e5))
    sw = net.parameter(Parameter("sigw_w", "K/√d", 0.3, 1e-5, 1e3))
    sv = net.parameter(Parameter("sigv", "K", 0.01, 1e-5, 10.0))
    x0 = net.parameter(Parameter("x0_w", "degC", 25.0, -20.0, 80.0, "linear"))
    wall = net.state("wall", cw, sw, initial=x0, initial_variance=0.01)
    air = net.state("air", ci, -1, initial_value=26.7, initial_variance=0.01)
    net.link(wall, air, gi)
    net.boundary(wall, "outdoor", gw)
    net.source(air, "heat", constant=1.0)
    net.observe(air, sv)
    return net


def test_armadillo_equals_pysip(measured):
    """pySIP's fit under first-order hold: objective -331.058 ± 0.01, parameters within half a standard deviation."""
    d = pd.read_csv(measured / "armadillo_pysip" / "armadillo_data_H2.csv").iloc[:-1]
    data = Observations.from_readings(d[["T_int"]].to_numpy(), d[["T_ext", "P_hea"]].to_numpy(), 1 / 48)
    likelihood = Likelihood(armadillo(), data)
    fit = maximise(likelihood, starts=3, rng=np.random.default_rng(0))
    assert fit.objective == pytest.approx(-331.0576, abs=0.01)
    gw, gi, cw, ci, sw, sv, x0 = likelihood.values(fit.theta)
    published = {"Ro": (0.017593, 0.000927), "Ri": (0.001984, 0.000075), "Cw": (169.597, 7.66), "Ci": (18.946, 0.772)}
    for name, value in {"Ro": 1 / gw, "Ri": 1 / gi, "Cw": cw, "Ci": ci}.items():
        mean, sd = published[name]
        assert abs(value - mean) < 0.5 * sd, name
    assert (sw, sv, x0) == pytest.approx((0.5213, 0.0343, 26.5945), rel=0.01)
    slope = likelihood.slope(fit.theta)
    sd_cw = np.sqrt(curvature(likelihood, fit.theta).covariance[2, 2]) * slope[2]
    assert sd_cw == pytest.approx(7.66, rel=0.05)


@pytest.mark.parametrize("states", [1, 2, "auto"])
def test_four_rooms_stand_in_a_row(measured, states):
    """Four rooms of a school, hourly (DTU 02427 exercise 3): the chain 1-2-3-4 is present and nothing else."""
    d = pd.read_csv(measured / "dtu_4rooms_2015" / "rooms4.csv")
    index = pd.date_range(d["date"][0], periods=len(d), freq="h", tz="UTC")
    rooms = d[[f"yTi{i}" for i in range(1, 5)]].set_axis(index).set_axis(list("1234"), axis=1)
    heat = pd.DataFrame({"1": d["Ph1"], "2": d["Ph1"], "3": d["Ph2"], "4": d["Ph2"]}).set_axis(index)
    outdoor, sun = d["Ta"].set_axis(index), d["Gv"].set_axis(index) * 1000.0
    net = ThermalSpaceNet(states=states).fit(rooms, heat, outdoor, sun)
    state = {r.a + r.b: r.state for r in net.edges_.itertuples()}
    assert {pair for pair, s in state.items() if s == "present"} == {"12", "23", "34"}
    if states == 1:
        assert {pair for pair, s in state.items() if s == "absent"} == {"13", "14", "24"}
    else:
        assert not net.diagnostics_["white"]
