"""From the section [[options]] to who sells what to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.cosim.options import OptionTerms
from rexnet_grid.errors import Issue, ScenarioError, did_you_mean
from rexnet_grid.scenario.checking import where_of

if TYPE_CHECKING:
    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.prosumers.base import Population
    from rexnet_grid.scenario.models import Scenario


def option_terms(scenario: Scenario, market: CarrierMarket, population: Population) -> tuple[OptionTerms, ...]:
    """Return what participants of one carrier sell.

    Raises
    ------
    ScenarioError
        Naming every entry for which no participant of the carrier is found.
    """
    quantum, issues, terms = market.exchange.rules.quantum, [], []
    seats = [
        (account, population.members[member].kind, market.seats.names[account])
        for account, member in enumerate(market.seats.members.tolist())
        if member >= 0 and not market.seats.balances[account]
    ]
    for number, entry in enumerate(scenario.options):
        if entry.carrier != market.carrier:
            continue
        accounts = tuple(account for account, *called in seats if entry.sellers in called)
        if not accounts:
            known = sorted({kind for _, kind, _ in seats}) + [name for *_, name in seats]
            expected = f"a kind of participant on the {market.carrier} exchange, or the name of one"
            hint = did_you_mean(entry.sellers, known)
            issues.append(Issue(where_of(scenario), f"options[{number}].sellers", f'"{entry.sellers}"', expected, hint))
            continue
        terms.append(
            OptionTerms(
                accounts,
                entry.kind,
                max(1, round(entry.rate_kw / quantum.lot_kw)),
                quantum.ticks(entry.option_fee_eur_per_mwh),
                quantum.ticks(entry.exercise_fee_eur_per_mwh),
                entry.first_unit,
                scenario.units - 1 if entry.last_unit is None else entry.last_unit,
            )
        )
    if issues:
        raise ScenarioError(issues)
    return tuple(terms)
