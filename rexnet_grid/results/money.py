"""Who paid whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.results.schema import INFRASTRUCTURE_KINDS

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.results.reader import Results

TRADE = "trade"
SUPPLIER = "supplier"


def bookings(results: Results) -> pd.DataFrame:
    """Return every payment of a run: columns carrier, unit, kind, debit, credit and eur [EUR].

    Trades are taken from the settlement where it holds them, and from the trades otherwise (buyer pays seller
    price x lots quanta).
    """
    import pandas as pd

    columns = ["carrier", "unit", "kind", "debit", "credit", "quanta"]
    settled = results.settlement[columns]
    if not (settled["kind"] == TRADE).any():
        fills = results.trades
        traded = fills[["carrier", "unit"]].assign(
            kind=TRADE,
            debit=fills["buyer"],
            credit=fills["seller"],
            quanta=fills["price_ticks"] * fills["lots"],
        )
        settled = pd.concat([part for part in (traded, settled) if len(part)] or [settled])
    worth = settled["carrier"].map({carrier: rules.eur for carrier, rules in results.manifest.rules.items()})
    paid = settled.assign(eur=settled["quanta"] * worth.astype(float)).drop(columns="quanta")
    paid.attrs["unit"] = {"eur": "EUR"}
    return paid


def cash(results: Results) -> pd.Series:
    """Return what each participant received minus what it paid, over the run and all carriers [EUR], by name."""
    paid = bookings(results)
    received = paid.groupby("credit")["eur"].sum()
    balance = received.sub(paid.groupby("debit")["eur"].sum(), fill_value=0.0)
    balance.index.name = "participant"
    balance.attrs["unit"] = "EUR"
    return balance


def payments_by_kind(results: Results) -> pd.DataFrame:
    """Return net payments between kinds of participant: columns payer, payee, kind, eur, all positive [EUR].

    A payment below zero is turned round: who received it is its payer.
    """
    paid = bookings(results)
    names = kind_of_participant(results)
    paid = paid.assign(
        payer=paid["debit"].map(names).fillna(paid["debit"]), payee=paid["credit"].map(names).fillna(paid["credit"])
    )
    flows: pd.DataFrame = paid.groupby(["payer", "payee", "kind"])["eur"].sum().reset_index()
    turned = flows["eur"] < 0.0
    flows.loc[turned, ["payer", "payee"]] = flows.loc[turned, ["payee", "payer"]].to_numpy()
    flows["eur"] = flows["eur"].abs()
    flows = flows.groupby(["payer", "payee", "kind"])["eur"].sum().reset_index()
    flows = flows.loc[flows["eur"] > 0.0].sort_values("eur", ascending=False, ignore_index=True)
    flows.attrs["unit"] = {"eur": "EUR"}
    return flows


def kind_of_participant(results: Results) -> dict[str, str]:
    """Return the kind of each participant by its name."""
    people = results.participants
    return dict(zip(people["name"], people["kind"], strict=True))


def paid_to_supply(results: Results) -> float:
    """Return what the external supply of all carriers received, less what it paid [EUR]."""
    balance, kinds = cash(results), kind_of_participant(results)
    return float(balance.loc[[name for name in balance.index if kinds.get(name, "") == SUPPLIER]].sum())


def net_cost_of_prosumers(results: Results) -> float:
    """Return what all prosumers together paid to the external supply and the network operator [EUR]."""
    balance = cash(results)
    kinds = kind_of_participant(results)
    outside = [name for name in balance.index if kinds.get(name, "") in INFRASTRUCTURE_KINDS]
    return float(balance.loc[outside].sum())
