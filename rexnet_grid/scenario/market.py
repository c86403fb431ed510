"""Sections [scenario], [market.*], [feedback], [safety]: when, by which rules, and what the networks say to trading."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from rexnet_grid.scenario.fields import Count, CountPositive, EurPerMWh, EurPerMWhPositive, Minutes, Section, Share
from rexnet_grid.units import Carrier, TimeGrid


class ScenarioInfo(Section):
    """What is run, from when, for how long, with which seed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
    """Short name; the results go to ``runs/<name>`` unless told otherwise. Letters, digits, ``.``, ``_`` and ``-``."""
    title: Annotated[str, Field(max_length=200)] = ""
    """One line for the head of the report."""
    start: datetime
    """Start of unit 0: a date (midnight in ``timezone``), a local time (in ``timezone``) or a time with its offset."""
    timezone: str = "Europe/Berlin"
    """IANA name of the zone in which results are shown; inside everything is UTC."""
    units: Annotated[int, Field(ge=1, le=1_000_000)] = 96
    """How many time units are delivered."""
    unit_minutes: Literal[5, 15, 30, 60] = 15
    """Length of a time unit [min]."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    """Seed of every random draw; the same seed gives the same bytes."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError('an IANA time zone such as "Europe/Berlin" or "UTC"') from None
        return value

    @model_validator(mode="before")
    @classmethod
    def _localise(cls, data: Any) -> Any:
        """Turn a date or a local time into an instant in ``timezone``."""
        start = data.get("start") if isinstance(data, dict) else None
        if not isinstance(start, date) or (isinstance(start, datetime) and start.tzinfo is not None):
            return data
        midnight = start if isinstance(start, datetime) else datetime.combine(start, time(0))
        try:
            zone = ZoneInfo(str(data.get("timezone", "Europe/Berlin")))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = ZoneInfo("UTC")
        return {**data, "start": midnight.replace(tzinfo=zone)}

    @property
    def time_grid(self) -> TimeGrid:
        """The delivery units on the time axis, shown in ``timezone``."""
        return TimeGrid(self.start.astimezone(ZoneInfo(self.timezone)), self.unit_minutes)


class MakerSection(Section):
    """The contract maker: who quotes every unit at every boundary, with ``design = "maker"`` or ``"one_sided"``."""

    pricing: Literal["linear", "avellaneda_stoikov", "minimum_variance"] = "linear"
    """How prices follow its inventory; ``one_sided`` has its own rule instead."""
    quote_kw: Annotated[float, Field(gt=0.0, le=1e6, json_schema_extra={"unit": "kW"})] = 100.0
    """Size of each quote."""
    base_eur_per_mwh: EurPerMWh | None = None
    """Mid price of an empty inventory; by default what everybody expects the unit to cost."""
    half_spread_eur_per_mwh: EurPerMWhPositive = 3.0
    """Half the gap between bid and ask; Avellaneda and Stoikov find their own."""
    slope_eur_per_mwh_per_kw: Annotated[float, Field(ge=0.0, le=1e4, json_schema_extra={"unit": "EUR/MWh/kW"})] = 0.2
    """``linear``: rise of the mid price for every kW it has sold."""
    risk_aversion: Annotated[float, Field(gt=0.0, le=100.0, json_schema_extra={"unit": "MWh/EUR/kW"})] = 0.01
    """``avellaneda_stoikov``: how much it minds an inventory."""
    volatility_eur_per_mwh: EurPerMWhPositive = 2.0
    """``avellaneda_stoikov``: standard deviation of the mid price over a unit."""
    fill_decay: Annotated[float, Field(gt=0.0, le=100.0, json_schema_extra={"unit": "MWh/EUR"})] = 0.3
    """``avellaneda_stoikov``: how fast trades fade with the distance from mid."""
    response_kw_per_eur_per_mwh: Annotated[float, Field(gt=0.0, le=1e6, json_schema_extra={"unit": "kW MWh/EUR"})] = 5.0
    """``minimum_variance``: how much less is bought from it when its price rises."""
    damping: Share = 0.5
    """``minimum_variance``: part of the correction made at each boundary."""
    low_eur_per_mwh: EurPerMWh = 60.0
    """``one_sided``: price in the low state."""
    high_eur_per_mwh: EurPerMWh = 180.0
    """``one_sided``: price in the high state."""
    to_high: Share = 0.05
    """``one_sided``: anticipated probability that a unit switches from low to high; the state is drawn with it."""
    to_low: Share = 0.15
    """``one_sided``: anticipated probability that a unit switches from high to low."""


class OptionSection(Section):
    """Options for security that participants sell to the network operator for every unit, exercised before any cut."""

    sellers: Annotated[str, Field(min_length=1)]
    """Who sells: a kind of participant, such as ``"heat_pump"`` or ``"battery"``, or the name of one."""
    carrier: Carrier = "electricity"
    """On which exchange."""
    kind: Literal["put", "call"] = "put"
    """``put`` lets the operator cut what the seller consumes, ``call`` lets it raise what the seller generates."""
    rate_kw: Annotated[float, Field(gt=0.0, le=1e5, json_schema_extra={"unit": "kW"})]
    """How much each seller sells; of a put never more is cut than the seller would have consumed."""
    option_fee_eur_per_mwh: EurPerMWhPositive = 2.0
    """What the seller receives for every unit, exercised or not, per energy that could be called or put."""
    exercise_fee_eur_per_mwh: EurPerMWhPositive = 200.0
    """What it receives beyond that per energy not served, or called."""
    first_unit: Count = 0
    """First unit for which it is sold."""
    last_unit: Count | None = None
    """Last unit for which it is sold; by default the last of the run."""


class ExchangeSection(Section):
    """The rules of one carrier's exchange."""

    lot_kw: Annotated[float, Field(ge=0.001, le=1000.0, json_schema_extra={"unit": "kW"})] = 0.1
    """Smallest tradable rate."""
    tick_eur_per_mwh: Annotated[float, Field(ge=0.001, le=100.0, json_schema_extra={"unit": "EUR/MWh"})] = 0.1
    """Smallest price step."""
    forward_units: Annotated[int, Field(ge=1, le=10_000)] = 96
    """How many future units are open at once."""
    gate_closure_minutes: Minutes = 15
    """How long before its start a unit stops trading; a multiple of the unit length."""
    min_price_eur_per_mwh: EurPerMWh = -500.0
    """Lowest price an order may carry."""
    max_price_eur_per_mwh: EurPerMWh = 4000.0
    """Highest price an order may carry."""
    self_trade: Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement"] = "cancel_newest"
    """What happens when a participant's order would meet its own."""
    design: Literal["continuous", "periodic_pay_as_clear", "periodic_pay_as_bid", "maker", "one_sided"] = "continuous"
    """Continuous double auction; a call auction of every open unit at each boundary, at one price or pay-as-bid; or a
    contract maker who is everybody's counterparty, with two-sided prices or selling only, see the section ``maker``."""
    maker: MakerSection = MakerSection()
    """How the contract maker prices."""
    opening_auction: bool = True
    """Open each unit with a call auction at one price before it trades continuously."""
    auction_rationing: Literal["time", "pro_rata"] = "time"
    """Who trades at the marginal price of a call auction: the eldest orders first, or all in proportion."""
    collateral_eur: Annotated[float, Field(ge=0.0, le=1e9, json_schema_extra={"unit": "EUR"})] | None = None
    """How far below zero a participant's cash, minus what its open orders could cost, may go; by default any far."""
    imbalance_rule: Literal["single_price", "two_price", "fixed_penalty"] = "fixed_penalty"
    """How a deviation from the reservation is priced."""
    imbalance_penalty_eur_per_mwh: EurPerMWhPositive = 100.0
    """What a deviation costs beyond the unit's reference price."""
    unreserved_price_eur_per_mwh: EurPerMWhPositive | None = None
    """What consumption without any reservation costs (*no reservation, no service*); by default it is an imbalance."""
    floor_penalty_eur_per_mwh: EurPerMWhPositive = 0.0
    """What falling below a reserved delivery inside the unit costs, per energy of the deepest shortfall."""
    exchange_fee_eur_per_mwh: EurPerMWhPositive = 0.0
    """What each side of a trade pays for trading."""
    network_fee_eur_per_mwh: EurPerMWhPositive = 0.0
    """What withdrawing from the network costs."""

    @model_validator(mode="after")
    def _prices_in_order(self) -> ExchangeSection:
        if self.min_price_eur_per_mwh >= self.max_price_eur_per_mwh:
            raise ValueError("min_price_eur_per_mwh below max_price_eur_per_mwh")
        return self

    @property
    def min_price_ticks(self) -> int:
        """Lowest price [ticks]."""
        return round(self.min_price_eur_per_mwh / self.tick_eur_per_mwh)

    @property
    def max_price_ticks(self) -> int:
        """Highest price [ticks]."""
        return round(self.max_price_eur_per_mwh / self.tick_eur_per_mwh)


class MarketSection(Section):
    """One exchange for each carrier; a carrier whose network is absent has none."""

    electricity: ExchangeSection = ExchangeSection()
    """Rules of the electricity exchange."""
    heat: ExchangeSection = ExchangeSection()
    """Rules of the heat exchange."""

    def of(self, carrier: Carrier) -> ExchangeSection:
        """Return the rules of one carrier's exchange."""
        return self.electricity if carrier == "electricity" else self.heat


class FeedbackSection(Section):
    """What the networks tell the market while it trades."""

    enabled: bool = True
    """Let headroom cap matching and publish the locational signal; false runs the same day blind."""
    model: Literal["network", "spacemeternet"] = "network"
    """Where headroom comes from: the network itself, or what SpaceMeterNet has learned of the electric network and of
    the building from the run's own meters; a heat network always speaks for itself."""
    margin: Annotated[float, Field(ge=0.0, lt=0.5, json_schema_extra={"unit": "-"})] = 0.02
    """Part of every limit that headroom keeps free."""
    network_charge: Literal["none", "losses", "losses_and_congestion"] = "none"
    """What the operator charges by place: nothing, marginal losses, or also shadow prices of limits that bound."""
    warm_up_units: CountPositive = 96
    """Units whose readings the first estimate needs, with ``model = "spacemeternet"``."""
    before_estimate: Literal["silent", "cautious"] = "cautious"
    """What a lost feeder says before its first estimate: nothing, or, from 8 units on, that every kilowatt counts
    alike, with what that misses taken off."""
    head_kw: Annotated[float, Field(gt=0.0, json_schema_extra={"unit": "kW"})] | None = None
    """What the head of a lost feeder carries either way, such as the transformer's rating times the power factor; rows
    keep the sum of all metered injections inside it, less ``margin``. Without it nothing is said of the head."""
    refit_every: CountPositive = 96
    """Units between two estimates, with ``model = "spacemeternet"``."""
    confidence: Annotated[float, Field(ge=0.5, lt=1.0, json_schema_extra={"unit": "-"})] = 0.95
    """One-sided confidence of each learned row: how far an estimate stays away from a limit for not knowing better."""


class SafetySection(Section):
    """Who is cut when the network cannot carry what was reserved."""

    mode: Literal["auto", "on", "off"] = "auto"
    """``auto`` works when feedback is enabled; ``off`` delivers everything and records what breaks; where there is
    no power flow solution nothing is delivered."""
    rule: Literal["cheapest", "pro_rata", "last_in_first_out"] = "cheapest"
    """In which order participants are cut."""
