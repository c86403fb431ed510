"""What a run writes, as data: every table, every column with its type, unit and meaning.

Two shapes of table exist. A *long* table has the fixed columns listed here. A *wide* table holds one array of a
network: the column ``unit`` and one float column per element (bus, branch, substation …); its name is
``electric/<array>`` or ``heat/<array>`` and the end of the array's name states the unit (``vm_pu``, ``supply_c``).
``docs/results.md`` is made from this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rexnet_grid.errors import did_you_mean

if TYPE_CHECKING:
    from rexnet_grid.units import Carrier

SCHEMA_VERSION = 1

ColumnType = Literal["int", "float", "text", "time"]

NETWORK_FOLDERS: dict[Carrier, str] = {"electricity": "electric", "heat": "heat"}

# Kinds of participant that stand for the outside world and the networks; everybody else is a prosumer.
INFRASTRUCTURE_KINDS = ("supplier", "operator", "maker")

# Longest ending first, so that "mass_flow_kg_s" is not read as seconds.
_UNIT_ENDINGS = (
    ("_eur_per_mwh", "EUR/MWh"),
    ("_w_m2", "W/m2"),
    ("_percent", "%"),
    ("_degree", "degree"),
    ("_kg_s", "kg/s"),
    ("_kvar", "kvar"),
    ("_kwh", "kWh"),
    ("_eur", "EUR"),
    ("_min", "min"),
    ("_kw", "kW"),
    ("_pu", "p.u."),
    ("_pa", "Pa"),
    ("_w", "W"),
    ("_c", "degC"),
    ("_m", "m"),
    ("_s", "s"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a long table.

    Attributes
    ----------
    name
        Its name.
    type
        ``"int"`` (int64), ``"float"`` (float64), ``"text"`` or ``"time"`` (microseconds, UTC).
    unit
        Unit in square-bracket style without brackets; ``"-"`` for names, counts and ratios.
    description
        What it means, one sentence.
    """

    name: str
    type: ColumnType
    unit: str
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """One long table.

    Attributes
    ----------
    name
        Its name, also that of its folder below the run folder.
    description
        What one row is.
    columns
        Its columns in the order they are written.
    """

    name: str
    description: str
    columns: tuple[Column, ...]


def _carrier() -> Column:
    return Column("carrier", "text", "-", '"electricity" or "heat"')


def _unit() -> Column:
    return Column("unit", "int", "-", "number of the delivery unit")


def _participant() -> Column:
    return Column("participant", "text", "-", "name of the participant")


_TABLES = (
    Table(
        "trades",
        "one fill, in the order it happened",
        (
            _carrier(),
            _unit(),
            Column("price_ticks", "int", "tick", "price"),
            Column("lots", "int", "lot", "quantity"),
            Column("buyer", "text", "-", "name of the buying participant"),
            Column("seller", "text", "-", "name of the selling participant"),
            Column("phase", "text", "-", "phase of the market: opening auction or continuous trading"),
            Column("maker_order_id", "int", "-", "order that was resting; 0 in an auction"),
            Column("buy_order_id", "int", "-", "order of the buyer"),
            Column("sell_order_id", "int", "-", "order of the seller"),
            Column("time_min", "float", "min", "when it was traded, since the start of the run"),
        ),
    ),
    Table(
        "settlement",
        "one booking of the ledger; each has a payer and a payee, so all cash sums to zero",
        (
            _carrier(),
            _unit(),
            Column("kind", "text", "-", "what is paid for: trade, imbalance, network use, loss, rationing …"),
            Column("debit", "text", "-", "participant who pays"),
            Column("credit", "text", "-", "participant who receives"),
            Column(
                "quanta", "int", "quantum", "amount; negative when the direction is turned, e.g. at negative prices"
            ),
        ),
    ),
    Table(
        "service",
        "one participant in one unit: what became of its reservation; rates are injections, positive into the network",
        (
            _carrier(),
            _unit(),
            _participant(),
            Column("reserved_kw", "float", "kW", "position when the gate closed"),
            Column("secured_kw", "float", "kW", "reservation after the safety maintainer"),
            Column("realised_kw", "float", "kW", "what the participant did"),
            Column("delivered_kw", "float", "kW", "what the network carried"),
            Column("rationed_kw", "float", "kW", "consumption that the safety maintainer cut, not negative"),
            Column("unserved_kw", "float", "kW", "consumption that nobody cut and that did not arrive, not negative"),
            Column("discarded_kw", "float", "kW", "generation that was spilled, not negative"),
        ),
    ),
    Table(
        "actions",
        "one cut by the safety maintainer",
        (
            _carrier(),
            _unit(),
            Column("stage", "text", "-", '"secure" after gate closure or "realtime" during delivery'),
            _participant(),
            Column("node", "text", "-", "where the participant sits"),
            Column("kind", "text", "-", "ration, discard, or the option that was exercised"),
            Column("kw", "float", "kW", "rate that was cut, not negative"),
            Column("limit", "text", "-", "limit that would have broken"),
            Column("price_eur_per_mwh", "float", "EUR/MWh", "what cutting costs per energy not served"),
            Column("cost_eur", "float", "EUR", "what this cut costs"),
        ),
    ),
    Table(
        "violations",
        "one element that broke one of its limits in the delivered state",
        (
            _carrier(),
            _unit(),
            Column("element", "text", "-", "bus, branch or substation"),
            Column("kind", "text", "-", '"voltage_bus", "line", "trafo", "heat"; "power_flow" where nothing solves'),
            Column("limit", "text", "-", "name of the limit"),
            Column("value", "float", "measure", "value that was reached"),
            Column("bound", "float", "measure", "value that was allowed"),
            Column("measure", "text", "-", "unit of value and bound"),
        ),
    ),
    Table(
        "prices",
        "one unit on one exchange: what it was worth when its gate closed; empty where nothing happened",
        (
            _carrier(),
            _unit(),
            Column("opening_ticks", "int", "tick", "price of the opening auction"),
            Column("vwap_ticks", "float", "tick", "mean price of all its trades, weighted by quantity"),
            Column("last_ticks", "int", "tick", "price of its last trade"),
            Column("traded_lots", "int", "lot", "quantity traded"),
            Column("bid_ticks", "int", "tick", "best buy price at gate closure"),
            Column("ask_ticks", "int", "tick", "best sell price at gate closure"),
        ),
    ),
    Table(
        "lob3d",
        "one price level of one open unit in the books at one moment",
        (
            Column("moment_unit", "float", "-", "when the books were looked at, in units since the start"),
            _carrier(),
            _unit(),
            Column("side", "text", "-", '"buy" or "sell"'),
            Column("price_ticks", "int", "tick", "price of the level"),
            Column("lots", "int", "lot", "quantity that rests at this price"),
        ),
    ),
    Table(
        "headroom",
        "one limit that bound trades of a unit",
        (
            _carrier(),
            _unit(),
            Column("limit", "text", "-", "name of the limit"),
            Column("slack", "float", "limit unit", "what was left before it at gate closure; negative when broken"),
            Column("times_bound", "int", "-", "how often it capped a match"),
            Column("blocked_kw", "float", "kW", "rate that would have been traded without it"),
            Column("shadow_eur_per_mwh", "float", "EUR/MWh", "most that its shadow price adds at a node"),
        ),
    ),
    Table(
        "congestion",
        "one place at which limits that kept orders of a unit apart had a price when its gate closed",
        (
            _carrier(),
            _unit(),
            Column("node", "text", "-", "node of the network where somebody sits"),
            Column("limit", "text", "-", "limit that adds most there"),
            Column("injecting_eur_per_mwh", "float", "EUR/MWh", "price of an injection for who injects"),
            Column(
                "withdrawing_eur_per_mwh",
                "float",
                "EUR/MWh",
                "price of an injection for who withdraws: negative where withdrawing costs",
            ),
        ),
    ),
    Table(
        "maker",
        "one unit as the contract maker stood just before its gate closed",
        (
            _carrier(),
            _unit(),
            Column("bid_ticks", "int", "tick", "what it paid; empty when it did not buy"),
            Column("ask_ticks", "int", "tick", "what it asked"),
            Column("inventory_lots", "int", "lot", "what it had sold minus what it had bought for the unit"),
            Column("cash_quanta", "int", "quantum", "its cash at that moment, all units together"),
        ),
    ),
    Table(
        "options",
        "one option for security that was sold for a unit",
        (
            _carrier(),
            _unit(),
            _participant(),
            Column("node", "text", "-", "where it sits"),
            Column("kind", "text", "-", '"put" to cut its consumption, "call" to raise its generation'),
            Column("sold_kw", "float", "kW", "how much of it may be exercised"),
            Column("exercised_kwh", "float", "kWh", "energy that the safety maintainer called or put"),
            Column("option_fee_eur", "float", "EUR", "what its seller received when it sold it"),
            Column("exercise_fee_eur", "float", "EUR", "what its seller received when it was exercised"),
        ),
    ),
    Table(
        "devices",
        "one state of one participant's devices at the end of a unit",
        (
            _unit(),
            _participant(),
            Column("quantity", "text", "-", 'what is recorded, with its unit in the name, such as "room_c"'),
            Column("value", "float", "as named", "its value"),
        ),
    ),
    Table(
        "meters",
        "one reading of one participant's meter",
        (
            _unit(),
            _participant(),
            _carrier(),
            Column("energy_kwh", "float", "kWh", "injected energy as the meter shows it"),
            Column("vm_pu", "float", "p.u.", "voltage magnitude as the meter shows it; empty for heat"),
            Column("air_c", "float", "degC", "air at the end of the unit as the thermometer of a flat shows it"),
        ),
    ),
    Table(
        "estimates",
        "one number that was learned from the meters of the run, each time it was estimated anew",
        (
            _carrier(),
            _unit(),
            Column("name", "text", "-", "what it is: a pair of flats, or a node whose own voltage is meant"),
            Column("estimate", "float", "measure", "its estimate"),
            Column("std_error", "float", "measure", "standard error of the estimate"),
            Column("truth", "float", "measure", "what it is in the network that delivers, unknown to the market"),
            Column("state", "text", "-", '"present", "absent" or "undetermined" for a pair, empty otherwise'),
            Column("measure", "text", "-", "unit of the three numbers"),
        ),
    ),
    Table(
        "participants",
        "one participant on one carrier",
        (
            Column("name", "text", "-", "its name"),
            Column("kind", "text", "-", "household, heat_pump, battery, supplier …"),
            _carrier(),
            Column("node", "text", "-", "where it sits"),
            Column("account", "int", "-", "its account on the exchange of the carrier"),
        ),
    ),
    Table(
        "nodes",
        "one node of a network",
        (
            _carrier(),
            Column("node", "text", "-", "its name"),
            Column("x", "float", "degree or m", "east: longitude, or metres in a local plane"),
            Column("y", "float", "degree or m", "north: latitude, or metres in a local plane"),
            Column("kind", "text", "-", "bus, supply, plant, substation, junction"),
        ),
    ),
    Table(
        "branches",
        "one branch of a network",
        (
            _carrier(),
            Column("branch", "text", "-", "its name"),
            Column("from_node", "text", "-", "where it starts"),
            Column("to_node", "text", "-", "where it ends"),
            Column("length_m", "float", "m", "length; empty for a transformer"),
            Column("rating", "float", "kVA, A or m", "rated power or current; inner diameter of a pipe"),
        ),
    ),
    Table(
        "weather",
        "one unit",
        (
            _unit(),
            Column("time", "time", "UTC", "start of the unit"),
            Column("outdoor_c", "float", "degC", "outdoor air temperature"),
            Column("global_w_m2", "float", "W/m2", "global irradiance on the horizontal"),
        ),
    ),
    *(
        Table(
            f"{folder}/balance",
            "one unit: where its energy went, mean rates",
            (
                _unit(),
                Column("injected_kw", "float", "kW", "what nodes put in, the supply included"),
                Column("withdrawn_kw", "float", "kW", "what nodes took out"),
                Column("loss_kw", "float", "kW", "what was lost on the way"),
                Column("stored_kw", "float", "kW", "what the network itself stored"),
                Column(
                    "import_kw", "float", "kW", "what the supply gave; of heat, what came in at the main plant's node"
                ),
                Column("residual_relative", "float", "-", "what is missing, over the throughput"),
            ),
        )
        for folder in NETWORK_FOLDERS.values()
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}


def network_table(carrier: Carrier, array: str) -> str:
    """Return the table that holds ``array`` of the network of ``carrier``, such as ``"electric/vm_pu"``."""
    return f"{NETWORK_FOLDERS[carrier]}/{array}"


def unit_of(name: str) -> str:
    """Return the unit that the end of ``name`` states.

    Raises
    ------
    ValueError
        When it states none.
    """
    for ending, unit in _UNIT_ENDINGS:
        if name.endswith(ending):
            return unit
    raise ValueError(f'"{name}" does not end in a unit; known endings: {", ".join(end for end, _ in _UNIT_ENDINGS)}')


def is_wide(name: str) -> bool:
    """Return whether a table holds one array of a network instead of fixed columns.

    Raises
    ------
    ValueError
        When no such table exists.
    """
    if name in TABLES:
        return False
    folder, slash, array = name.partition("/")
    if not slash or folder not in NETWORK_FOLDERS.values():
        raise ValueError(f'there is no table "{name}"; {did_you_mean(name, TABLES)}')
    unit_of(array)
    return True
