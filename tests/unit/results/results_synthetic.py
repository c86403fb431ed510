"""A run that nobody simulated: plausible shapes through the real writer, to read and to draw."""

from __future__ import annotations

import numpy as np

from rexnet_grid.results import RunWriter

HOSTILE = '<img src=x onerror="document.title=1">&</script><script>alert(1)</script>'
KINDS = ("household", "household", "heat_pump", "battery", "pv")


def scenario(units, feedback):
    market = {"lot_kw": 0.1, "tick_eur_per_mwh": 0.1, "gate_closure_minutes": 15}
    return {
        "scenario": {
            "name": "synthetic",
            "title": "A made-up winter day <of> tests",
            "start": "2026-01-13T00:00:00+01:00",
            "timezone": "Europe/Berlin",
            "units": units,
            "unit_minutes": 15,
            "seed": 7,
        },
        "market": {"electricity": market, "heat": market},
        "electric": {"voltage_min_pu": 0.95, "voltage_max_pu": 1.05, "loading_max_percent": 100.0},
        "heat": {"supply_min_c": 55.0},
        "feedback": {"enabled": feedback},
    }


def make_run(folder, units=24, buses=12, feedback=True, hostile="", finish=True, trades_per_unit=20):
    rng = np.random.default_rng(7)
    writer = RunWriter(folder, header={"scenario": scenario(units, feedback), "seed": 7})
    bus = [f"bus {i}{hostile if i == 1 else ''}" for i in range(buses)]
    lines = [f"line {i}" for i in range(buses - 2)]
    branch = ["trafo 0", *lines]
    start, end = [0, *[max(0, (i + 1) // 2) for i in range(1, buses - 1)]], list(range(1, buses))
    angle = rng.uniform(0, 2 * np.pi, buses)
    lon = 7.88 + np.cumsum(np.cos(angle)) * 2e-4
    lat = 48.45 + np.cumsum(np.sin(angle)) * 2e-4
    writer.append("nodes", {"carrier": "electricity", "node": bus, "x": lon, "y": lat, "kind": "bus"})
    writer.append(
        "branches",
        {
            "carrier": "electricity",
            "branch": branch,
            "from_node": [bus[i] for i in start],
            "to_node": [bus[i] for i in end],
            "length_m": [None, *rng.uniform(10, 80, buses - 2)],
            "rating": 250.0,
        },
    )
    places = ["plant", "fork", "SD1", "SD2", "SD3"]
    kinds = ["plant", "junction", "substation", "substation", "substation"]
    xy = {"x": [0.0, 60, 90, 60, 20], "y": [0.0, 10, 40, 60, 40]}
    writer.append("nodes", {"carrier": "heat", "node": places, **xy, "kind": kinds})
    pipes = {"from_node": ["plant", "fork", "fork", "fork"], "to_node": places[1:]}
    writer.append(
        "branches",
        {"carrier": "heat", "branch": [f"pipe {i}" for i in range(4)], **pipes, "length_m": 60.0, "rating": 0.05},
    )
    people = [f"{KINDS[i % 5]}-{i}{hostile if i == 2 else ''}" for i in range(buses - 2)]
    names = [*people, "external supply", "network operator"]
    kind = [*(KINDS[i % 5] for i in range(buses - 2)), "supplier", "operator"]
    seat = [*bus[2:], bus[0], bus[0]]
    writer.append(
        "participants",
        {"name": names, "kind": kind, "carrier": "electricity", "node": seat, "account": range(len(names))},
    )
    heat_names = ["SD1 house", "SD2 house", "SD3 house", "heat plant", "network operator"]
    writer.append(
        "participants",
        {
            "name": heat_names,
            "kind": ["building"] * 3 + ["heat_plant", "operator"],
            "carrier": "heat",
            "node": [*places[2:], "plant", "plant"],
            "account": range(5),
        },
    )
    share = np.r_[0.0, np.sort(rng.uniform(0.2, 1.0, buses - 1))]
    base = -rng.uniform(0.5, 4.0, buses - 2)
    for unit in range(units):
        hour = unit * 24 / units
        evening = np.exp(-(((hour - 18.5) / 2.2) ** 2)) + 0.5 * np.exp(-(((hour - 7.5) / 1.5) ** 2)) + 0.2
        strain = evening if feedback else 1.25 * evening
        vm = 1.02 - 0.075 * strain * share
        loading = np.r_[100.5 * strain, rng.uniform(0.2, 0.8, buses - 2) * 90 * strain]
        writer.append_array("electric/vm_pu", unit, bus, vm)
        writer.append_array("electric/loading_percent", unit, branch, loading)
        supply = 72 - np.array([0, 0.4, 1, 2, 3]) - 2 * np.sin(hour / 4)
        writer.append_array("heat/supply_c", unit, places, supply)
        writer.append_array("heat/return_c", unit, places, supply - 30)
        _broken(writer, unit, bus, vm, loading)
        rate = base * evening + np.where(np.arange(buses - 2) % 5 == 4, 6 * np.exp(-(((hour - 12) / 2) ** 2)), 0)
        _service(writer, unit, names, rate, evening if feedback else 0.0)
        _energy(writer, unit, rate)
        writer.append(
            "service",
            {
                "carrier": "heat",
                "unit": unit,
                "participant": heat_names,
                "reserved_kw": [-10.0, -8, -9, 28, -1],
                "secured_kw": [-10.0, -8, -9, 28, -1],
                "realised_kw": [-10.0 - evening, -8, -9, 28 + evening, -1],
                "delivered_kw": [-10.0 - evening, -8, -9, 28 + evening, -1],
                "rationed_kw": 0.0,
                "unserved_kw": 0.0,
                "discarded_kw": 0.0,
            },
        )
        rooms = 20.5 + 0.8 * np.sin(hour / 3.8) + np.array([0, 0.5, -0.4])
        writer.append("devices", {"unit": unit, "participant": heat_names[:3], "quantity": "room_c", "value": rooms})
        writer.append(
            "weather",
            {
                "unit": unit,
                "time": [np.datetime64("2026-01-12T23:00") + np.timedelta64(unit * 15, "m")],
                "outdoor_c": -3 + 4 * np.sin((hour - 9) / 4),
                "global_w_m2": 300 * max(0.0, np.sin((hour - 8) / 8 * np.pi)),
            },
        )
        _market(writer, rng, unit, units, names, trades_per_unit, evening)
        if (unit + 1) % 12 == 0:
            writer.flush()
    if not finish:
        writer.flush()
        return folder
    writer.finish(
        {
            "units": units,
            "cash_sum_quanta": 0,
            "energy_residual_relative": {"electricity": 2e-13, "heat": 4e-12},
            "timings_s": {"trade": 4.2, "secure": 1.1, "deliver": 0.7},
            "versions": {"rexnet_grid": "0.1.0"},
        }
    )
    return folder


def _broken(writer, unit, bus, vm, loading):
    low = np.flatnonzero(vm < 0.95)
    if len(low):
        writer.append(
            "violations",
            {
                "carrier": "electricity",
                "unit": unit,
                "element": [bus[i] for i in low],
                "kind": "voltage_bus",
                "limit": [f"{bus[i]} undervoltage" for i in low],
                "value": vm[low],
                "bound": 0.95,
                "measure": "p.u.",
            },
        )
    if loading[0] > 100:
        writer.append(
            "violations",
            {
                "carrier": "electricity",
                "unit": unit,
                "element": "trafo 0",
                "kind": "trafo",
                "limit": "trafo 0 loading",
                "value": float(loading[0]),
                "bound": 100.0,
                "measure": "%",
            },
        )


def _service(writer, unit, names, rate, strain):
    cut = np.where((rate < -1.0) & (strain > 1.1), 0.15 * -rate, 0.0)
    reserved = np.r_[rate * 1.05, -rate.sum() * 1.04, 0.0]
    reserved[-1] = -reserved.sum()
    delivered = np.r_[rate + cut, 0.0, 0.0]
    delivered[-2] = -delivered.sum()
    zero = np.zeros(2)
    writer.append(
        "service",
        {
            "carrier": "electricity",
            "unit": unit,
            "participant": names,
            "reserved_kw": reserved,
            "secured_kw": reserved + np.r_[cut, zero],
            "realised_kw": np.r_[rate + cut, -rate.sum(), 0.0],
            "delivered_kw": delivered,
            "rationed_kw": np.r_[cut, zero],
            "unserved_kw": 0.0,
            "discarded_kw": 0.0,
        },
    )
    for i in np.flatnonzero(cut):
        writer.append(
            "actions",
            {
                "carrier": "electricity",
                "unit": unit,
                "stage": "secure" if i % 2 else "realtime",
                "participant": names[i],
                "node": f"bus {i + 2}",
                "kind": "ration",
                "kw": float(cut[i]),
                "limit": "trafo 0 loading",
                "price_eur_per_mwh": 400.0,
                "cost_eur": float(cut[i]) * 0.25 * 0.4,
            },
        )


def _energy(writer, unit, rate):
    withdrawn = -rate[rate < 0].sum()
    loss = 0.002 * withdrawn**2
    own = rate[rate > 0].sum()
    for carrier, scale in (("electric", 1.0), ("heat", 0.8)):
        writer.append(
            f"{carrier}/balance",
            {
                "unit": unit,
                "injected_kw": (withdrawn + loss) * scale,
                "withdrawn_kw": withdrawn * scale,
                "loss_kw": loss * scale,
                "stored_kw": 0.0,
                "import_kw": (withdrawn + loss - own) * scale,
                "residual_relative": 1e-14,
            },
        )


def _market(writer, rng, unit, units, names, fills, evening):
    for carrier, level in (("electricity", 700), ("heat", 500)):
        who = names if carrier == "electricity" else ["SD1 house", "SD2 house", "SD3 house", "heat plant"]
        price = (level * (0.7 + 0.5 * evening) + rng.normal(0, 25, fills)).astype(np.int64)
        lots = rng.integers(1, 30, fills)
        buyer, seller = rng.integers(0, len(who) - 1, fills), np.full(fills, len(who) - 1)
        seller[::3] = (buyer[::3] + 1) % len(who)
        order = np.arange(fills) * 2 + unit * fills * 2 + 1
        writer.append(
            "trades",
            {
                "carrier": carrier,
                "unit": unit,
                "price_ticks": price,
                "lots": lots,
                "buyer": [who[i] for i in buyer],
                "seller": [who[i] for i in seller],
                "phase": ["auction"] * (fills // 2) + ["continuous"] * (fills - fills // 2),
                "maker_order_id": order,
                "buy_order_id": order,
                "sell_order_id": order + 1,
                "time_min": np.linspace(-300, -20, fills) + unit * 15,
            },
        )
        writer.append(
            "settlement",
            {
                "carrier": carrier,
                "unit": unit,
                "kind": ["imbalance", "loss"],
                "debit": [who[0], "network operator"],
                "credit": ["network operator", who[-1]],
                "quanta": [4000, 2500],
            },
        )
        writer.append(
            "prices",
            {
                "carrier": carrier,
                "unit": unit,
                "opening_ticks": int(price[0]),
                "vwap_ticks": float((price * lots).sum() / lots.sum()),
                "last_ticks": int(price[-1]),
                "traded_lots": int(lots.sum()),
                "bid_ticks": int(price.min()) - 20,
                "ask_ticks": None if unit % 7 == 3 else int(price.max()) + 20,
            },
        )
        if unit % (units // 4 or 1) == 0:
            _picture(writer, rng, unit, units, carrier, level)
        writer.append(
            "headroom",
            {
                "carrier": carrier,
                "unit": unit,
                "limit": "trafo 0 loading",
                "slack": 12.0 - unit,
                "times_bound": unit % 5,
                "blocked_kw": 3.0,
                "shadow_eur_per_mwh": 40.0,
            },
        )


def _picture(writer, rng, moment, units, carrier, level):
    for unit in range(moment, units):
        hour = unit * 24 / units
        mid = level * (0.8 + 0.4 * np.exp(-(((hour - 18.5) / 3) ** 2)))
        steps = np.arange(1, 9)
        price = np.r_[mid - 12 * steps, mid + 12 * steps].astype(np.int64)
        writer.append(
            "lob3d",
            {
                "moment_unit": float(moment),
                "carrier": carrier,
                "unit": unit,
                "side": ["buy"] * 8 + ["sell"] * 8,
                "price_ticks": price,
                "lots": rng.integers(5, 80, 16),
            },
        )
