"""After a change rows keep their groups and charges, and hold for every limit of the network as it is then."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandapower.networks as nw
import pytest
from pandapower.control import DiscreteTapControl

from rexnet_grid.electric import ElectricDelivery, ElectricNetwork, headroom
from rexnet_grid.electric.followed_groups import Guide


@pytest.fixture
def grid():
    delivery = ElectricDelivery(ElectricNetwork.from_builtin("cigre_mv"))
    delivery.headroom([0], np.zeros((1, len(delivery.nodes))))
    return delivery


def stricter_than_all(rows) -> bool:
    """Return whether every group takes at least what each of its rows takes, as shares of what they have at rest."""
    for group in range(len(rows.groups.first)):
        member, scale = rows.groups.members(group)
        for ours, theirs in ((rows.groups.rising, rows.all.rising), (-rows.groups.falling, -rows.all.falling)):
            if np.any(theirs[member] * scale[:, None] > ours[group] + 1e-9 * np.abs(ours[group]).max()):
                return False
    return sorted(rows.groups.order) == list(range(len(rows.all.names)))


CHANGES = [
    {"out": ["line 3"]},
    {"out": ["line 0"]},
    {"out": ["line 3"], "closed": ["switch 1", "switch 4"]},
    {"closed": ["switch 1", "switch 2", "switch 4"]},
    {"out": ["trafo 0"]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_a_group_holds_only_where_all_of_its_rows_do(grid, change):
    grid.change(**change)
    assert stricter_than_all(grid._rows)


@pytest.mark.parametrize("most", [1, 40])
def test_there_are_never_more_groups_than_asked_for(most):
    delivery = ElectricDelivery(ElectricNetwork.from_builtin("cigre_mv"), most_rows=most)
    for change in CHANGES:
        delivery.change(**change)
        assert len(delivery._rows.groups.first) <= most
        assert stricter_than_all(delivery._rows)


def test_nothing_is_grouped_and_rehearsed_anew(grid, monkeypatch):
    monkeypatch.setattr(headroom, "rehearsed", None)
    monkeypatch.setattr(headroom, "groups_kept", None)
    for change in CHANGES:
        grid.change(**change)
        assert len(grid.headroom([0], np.zeros((1, len(grid.nodes))))) == 1


def test_the_way_to_a_state_does_not_matter(grid):
    grid.change(out=["line 3"], closed=["switch 1"])
    straight = grid._rows.groups
    grid.change(out=["line 0"])
    assert len(grid.headroom([0], np.zeros((1, len(grid.nodes)))))
    grid.change(out=["line 3"], closed=["switch 1"])
    for field in fields(straight):
        assert getattr(straight, field.name).tobytes() == getattr(grid._rows.groups, field.name).tobytes()


def test_charges_stay_with_their_groups_and_an_unchanged_network_keeps_all(grid):
    rows = grid._rows
    rng = np.random.default_rng(1)
    n = len(rows.groups.first)
    charged = replace(
        rows.groups,
        rising=rows.groups.rising + rng.random((n, 1)) * np.abs(rows.groups.rising).max(),
        hidden=rng.random(n),
        carried=rng.random(n),
    )
    same = Guide.of(charged, rows.all).followed(rows.all, 2048)
    unit = rows.all.at_rest()[same.first] / rows.all.at_rest()[charged.first]
    np.testing.assert_allclose(same.rising, charged.rising * unit[:, None], rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(same.hidden, charged.hidden)
    np.testing.assert_array_equal(same.carried, charged.carried)


def test_where_ends_of_a_ring_are_fed_from_new_sides_groups_part(grid):
    before = grid._rows.groups
    grid.change(out=["line 1"], closed=["switch 4", "switch 1"])
    after, names = grid._rows.groups, grid._rows.all.names
    assert len(after.first) != len(before.first)
    assert any("bus 5" in names[row] for row in after.first)


def test_a_network_with_controllers_follows_too(monkeypatch):
    monkeypatch.setattr(headroom, "rehearsed", lambda groups, *_, **__: groups)
    net = nw.create_cigre_network_mv()
    net.trafo["tap_side"], net.trafo["tap_changer_type"] = "hv", "Ratio"
    for column, value in (("pos", 0), ("neutral", 0), ("min", -9), ("max", 9), ("step_percent", 1.5)):
        net.trafo[f"tap_{column}"] = value
    DiscreteTapControl(net, 0, vm_lower_pu=0.99, vm_upper_pu=1.02)
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(net))
    delivery.change(out=["line 5"])
    assert delivery.network.case.controlled
    assert np.isfinite(delivery.headroom([0], np.zeros((1, len(delivery.nodes))))[0].slack).all()
    assert stricter_than_all(delivery._rows)
