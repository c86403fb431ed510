"""ThermalSpaceNet on small generated buildings: manners, bad input, constraints."""

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import ThermalSpaceNet


def row_of_rooms(days=8, seed=3, zones=3):
    """Rooms in a row with one state each, heated by fits and starts."""
    rng = np.random.default_rng(seed)
    n = 96 * days
    index = pd.date_range("2026-01-01", periods=n, freq="15min", tz="UTC")
    outdoor = 5 + 4 * np.sin(2 * np.pi * np.arange(n) / 96) + 0.05 * rng.normal(size=n).cumsum()
    heat = rng.integers(0, 2, (n // 8 + 1, zones)).repeat(8, axis=0)[:n] * 2.0
    t = np.full((n, zones), 20.0)
    wall = 0.08 * (np.eye(zones, k=1) + np.eye(zones, k=-1))
    for k in range(n - 1):
        x = t[k].copy()
        for _ in range(5):
            x = x + 0.05 / 1.4 * (heat[k] + 0.05 * (outdoor[k] - x) + wall @ x - wall.sum(axis=1) * x)
        t[k + 1] = x + rng.normal(0, 0.005, zones)
    names = list("abcdef"[:zones])
    return (
        pd.DataFrame(t + rng.normal(0, 0.05, t.shape), index, names),
        pd.DataFrame(heat, index, names),
        pd.Series(outdoor, index),
    )


@pytest.fixture(scope="module")
def fitted():
    return ThermalSpaceNet().fit(*row_of_rooms())


def test_manners():
    net = ThermalSpaceNet(states=1)
    assert net.get_params()["states"] == 1
    assert net.set_params(confidence=0.9).confidence == 0.9
    assert "states=1" in repr(net)
    with pytest.raises(ValueError, match="no parameter"):
        net.set_params(colour="red")
    with pytest.raises(MeterDataError, match="not fitted"):
        net.predict()


def test_edges_and_results(fitted):
    state = {r.a + r.b: r.state for r in fitted.edges_.itertuples()}
    assert state == {"ab": "present", "ac": "absent", "bc": "present"}
    assert fitted.graph_.edges["a", "b"]["conductance_w_k"] == pytest.approx(80, rel=0.1)
    assert fitted.bic_ > fitted.aic_
    assert fitted.diagnostics_["white"]
    assert fitted.state_space_.time_constants_h[0] == pytest.approx(1.4 / 0.05, rel=0.1)
    assert list(fitted.cov_.index) == list(fitted.params_.index)


def test_heat_loss_and_nested_models(fitted):
    loss = fitted.heat_loss_.set_index("zone")
    assert loss.loc["building", "heat_loss_w_k"] == pytest.approx(150, rel=0.1)
    assert loss.loc["building", "heat_loss_w_k"] == pytest.approx(loss["heat_loss_w_k"].iloc[:3].sum())
    assert abs(loss.loc["building", "heat_loss_w_k"] - 150) < 3 * loss.loc["building", "std_error"]
    table = fitted.compare()
    assert list(table.index) == ["no edges", "present edges", "all candidate edges"]
    assert (np.diff(table["loglik"]) >= -1e-6).all()
    assert table.loc["present edges", "p_value"] < 1e-6
    assert table.loc["all candidate edges", "p_value"] > 0.01
    assert table.loc["present edges", "bic"] < table.loc["no edges", "bic"]
    assert table.loc["present edges", "bic"] <= table.loc["all candidate edges", "bic"] + 0.01


def test_present_edges_are_stable(fitted):
    stable = fitted.edges_.groupby("state")["stability"]
    assert stable.min()["present"] > 0.9
    assert stable.max()["absent"] < 0.6
    assert fitted.graph_.edges["a", "b"]["stability"] > 0.9


def test_residuals_answer_to_no_input(fitted):
    d = fitted.diagnostics_
    assert d["input_correlation"].abs().to_numpy().max() < 3 * d["correlation_band"]
    assert d["time_constants_h"][0] > 10


def test_gains_follow_the_time_of_day():
    temperatures, heat, outdoor = row_of_rooms(days=4, zones=2)
    net = ThermalSpaceNet(states=2).fit(temperatures, heat, outdoor)
    assert "gain a cos 1/day" in net.params_.index
    steady = ThermalSpaceNet(states=2, daily_gains=False).fit(temperatures, heat, outdoor)
    assert not steady.params_.index.str.contains("/day").any()
    half = slice(0, 150)
    assert np.isfinite(net.score(temperatures.iloc[half], heat.iloc[half], outdoor.iloc[half]))


def test_prediction_has_honest_intervals(fitted):
    temperatures = row_of_rooms()[0]
    for horizon in (1, 8):
        mean, std = fitted.predict(horizon, return_std=True)
        inside = (np.abs(temperatures - mean) < 1.96 * std).to_numpy()[96:].mean()
        assert 0.9 < inside < 0.99


def test_simulation_and_score(fitted):
    temperatures, heat, outdoor = row_of_rooms(seed=9)
    simulated = fitted.simulate(outdoor, heat, initial_c=temperatures.iloc[0].to_numpy())
    assert np.sqrt(((simulated - temperatures) ** 2).to_numpy().mean()) < 0.3
    assert fitted.score(temperatures, heat, outdoor) > 1.0


def test_constraints_warm_the_neighbours_too(fitted):
    rows = fitted.to_constraints("comfort", 0.95, band_c=(15.0, 60.0), hours=1.0)
    sure = fitted.to_constraints("comfort", 0.6, band_c=(15.0, 60.0), hours=1.0)
    assert rows.coefficients.shape == (6, 3)
    assert rows.limits[0] == "a overheating"
    assert rows.coefficients[0, 0] < rows.coefficients[0, 1] < rows.coefficients[0, 2] < 0
    assert (rows.slack < sure.slack).all()
    with pytest.raises(ValueError, match="comfort"):
        fitted.to_constraints("voltage")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"heat_kw": {"a": np.nan}}, "'a' is nan"),
        ({"heat_kw": {"z": 1.0}}, "has 'z'; metered are a, b, c"),
        ({"heat_kw": [1.0, 2.0]}, "must map columns"),
        ({"band_c": (19.0, np.nan)}, "band_c"),
        ({"band_c": (19.0,)}, "band_c"),
        ({"hours": np.nan}, "hours is nan"),
    ],
)
def test_constraints_of_what_cannot_be_are_refused(fitted, given, said):
    with pytest.raises(ValueError, match=said):
        fitted.to_constraints("comfort", 0.95, **given)


KILOWATTS = {"kilowatts": 1.0, "strong kilowatts": 6.0}  # of 12 kW the power alone does not give the unit away


def faulty(what):
    temperatures, heat, outdoor = row_of_rooms()
    if what == "constant":
        temperatures["b"] = 21.0
    elif what == "stuck":
        temperatures.loc[temperatures.index[200:400], "b"] = 21.0
    elif what == "kelvin":
        temperatures["b"] += 273.15
    elif what == "watts":
        heat["c"] *= 1000.0
    elif what in KILOWATTS:
        heat["c"] *= KILOWATTS[what] / 1000.0
    elif what == "missing":
        temperatures.loc[temperatures.index[:700], "a"] = np.nan
    elif what == "swapped":
        heat = heat.rename(columns={"a": "c", "c": "a"})
    elif what == "reset":
        heat.loc[heat.index[300], "a"] = -50.0
    elif what == "irregular":
        temperatures = temperatures.drop(temperatures.index[5])
    return temperatures, heat, outdoor


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("constant", "b: got always 21"),
        ("stuck", "b: got the same value for 50 h"),
        ("kelvin", "kelvin"),
        ("watts", "looks like W"),
        ("kilowatts", "kW given as W"),
        ("strong kilowatts", "each held .* Wh/K"),
        ("missing", "a: got"),
        ("swapped", "swapped"),
        ("reset", "resets"),
        ("irregular", "regular index"),
    ],
)
def test_bad_input_is_named(what, said):
    with pytest.raises(MeterDataError, match=said):
        ThermalSpaceNet().fit(*faulty(what))


def faulty_inputs(what):
    temperatures, heat, outdoor = row_of_rooms()
    if what == "register":
        heat["c"] = 0.25 * heat["c"].cumsum()
    elif what == "withdrawn":
        heat["b"] *= -1.0
    elif what == "fahrenheit":
        temperatures["b"] = 32.0 + 1.8 * temperatures["b"]
    elif what == "outdoor constant":
        outdoor[:] = 5.0
    elif what == "outdoor stuck":
        outdoor.iloc[100:300] = 5.0
    elif what == "outdoor for a room":
        temperatures["b"], outdoor = outdoor.copy(), temperatures["b"].copy()
    return temperatures, heat, outdoor


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("register", "c: got readings that only rise"),
        ("withdrawn", "b: .*positive.*multiply by -1"),
        ("fahrenheit", "Fahrenheit"),
        ("outdoor constant", "outdoor: got 5 always"),
        ("outdoor stuck", "outdoor: got the same value for 50 h"),
        ("outdoor for a room", "b: .*colder than outdoors.*swapped"),
    ],
)
def test_inputs_that_cannot_be_are_named(what, said):
    with pytest.raises(MeterDataError, match=said):
        ThermalSpaceNet().fit(*faulty_inputs(what))


def test_one_day_is_not_enough_to_claim_an_edge():
    net = ThermalSpaceNet().fit(*row_of_rooms(days=1))
    assert "present" not in set(net.edges_["state"])


def test_without_a_metered_power_nothing_has_a_size():
    temperatures, _, outdoor = row_of_rooms()
    net = ThermalSpaceNet(states=1).fit(temperatures, None, outdoor)
    assert "present" not in set(net.edges_["state"])
    assert np.isinf(net.edges_["std_error"]).all()


def test_lost_readings_do_little_harm():
    temperatures, heat, outdoor = row_of_rooms()
    lost = temperatures.mask(np.random.default_rng(0).random(temperatures.shape) < 0.2)
    lost.iloc[300:450] = np.nan
    net = ThermalSpaceNet(states=1).fit(lost, heat, outdoor)
    assert {frozenset(e) for e in net.graph_.edges} == {frozenset("ab"), frozenset("bc")}
    assert net.graph_.edges["b", "c"]["conductance_w_k"] == pytest.approx(80, rel=0.15)
