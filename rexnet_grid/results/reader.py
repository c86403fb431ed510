"""Read a run back: every table as a DataFrame on the time axis, with units; nothing is read before it is asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rexnet_grid.errors import InputError, did_you_mean
from rexnet_grid.results.manifest import Manifest
from rexnet_grid.results.schema import NETWORK_FOLDERS, TABLES, Table, network_table, unit_of
from rexnet_grid.results.writer import table_folders

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.reservex import EventLog
    from rexnet_grid.results.summary import Summary
    from rexnet_grid.units import Carrier


class NetworkResults:
    """The arrays of one network: time in the rows, elements in the columns, the unit in ``.attrs["unit"]``.

    Parameters
    ----------
    results
        The run.
    carrier
        Which network.
    """

    def __init__(self, results: Results, carrier: Carrier) -> None:
        self._results = results
        self.carrier = carrier

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the arrays that were recorded."""
        prefix = f"{NETWORK_FOLDERS[self.carrier]}/"
        return tuple(name.removeprefix(prefix) for name in self._results.tables if name.startswith(prefix))

    def __getitem__(self, array: str) -> pd.DataFrame:
        """Return one array; raises InputError when it was not recorded."""
        return self._results.table(network_table(self.carrier, array))

    @property
    def balance(self) -> pd.DataFrame:
        """Injected, withdrawn, lost, stored and imported mean rates [kW], one row a unit."""
        return self["balance"]


class ElectricResults(NetworkResults):
    """The electric network of a run."""

    @property
    def vm_pu(self) -> pd.DataFrame:
        """Voltage magnitude of every bus [p.u.]."""
        return self["vm_pu"]

    @property
    def loading_percent(self) -> pd.DataFrame:
        """Loading of every branch [%]."""
        return self["loading_percent"]


class HeatResults(NetworkResults):
    """The heat network of a run."""

    @property
    def supply_c(self) -> pd.DataFrame:
        """Supply temperature at every node [degC]."""
        return self["supply_c"]

    @property
    def return_c(self) -> pd.DataFrame:
        """Return temperature at every node [degC]."""
        return self["return_c"]

    @property
    def mass_flow_kg_s(self) -> pd.DataFrame:
        """Mass flow [kg/s]."""
        return self["mass_flow_kg_s"]


class Results:
    """One run, read lazily.

    Tables with a column ``unit`` are indexed by the start of the unit (``time``, in the zone of the scenario). Units
    of measure are in ``.attrs["unit"]``: one text for an array of a network, a dict by column otherwise.

    Parameters
    ----------
    folder
        The run folder.

    Attributes
    ----------
    folder
        The run folder.
    manifest
        What was run.

    Raises
    ------
    InputError
        When the folder is not there or holds no run that can be read. A run that was interrupted can be read;
        ``manifest.complete`` is False then.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        self._cache: dict[str, pd.DataFrame] = {}

    @classmethod
    def open(cls, folder: Path | str) -> Results:
        """Return the results in ``folder``."""
        return cls(folder)

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that hold rows."""
        return tuple(table_folders(self.folder))

    def table(self, name: str) -> pd.DataFrame:
        """Return one table; the frame is shared, copy it before changing it.

        Raises
        ------
        InputError
            When there is no table of this name or its files are damaged.
        """
        if name not in self._cache:
            self._cache[name] = self._read(name)
        return self._cache[name]

    @property
    def trades(self) -> pd.DataFrame:
        """One row a fill, in order."""
        return self.table("trades")

    @property
    def settlement(self) -> pd.DataFrame:
        """One row a booking of the ledgers."""
        return self.table("settlement")

    @property
    def service(self) -> pd.DataFrame:
        """Reserved, secured, realised and delivered rates [kW]."""
        return self.table("service")

    @property
    def actions(self) -> pd.DataFrame:
        """What the safety maintainer cut."""
        return self.table("actions")

    @property
    def violations(self) -> pd.DataFrame:
        """Limits broken in the delivered state."""
        return self.table("violations")

    @property
    def prices(self) -> pd.DataFrame:
        """What each unit was worth."""
        return self.table("prices")

    @property
    def lob3d(self) -> pd.DataFrame:
        """Pictures of the order books."""
        return self.table("lob3d")

    @property
    def headroom(self) -> pd.DataFrame:
        """Limits that bound trades."""
        return self.table("headroom")

    @property
    def congestion(self) -> pd.DataFrame:
        """What the limits that bound were worth, by place."""
        return self.table("congestion")

    @property
    def estimates(self) -> pd.DataFrame:
        """What was learned of the networks from the run's own meters, beside the truth."""
        return self.table("estimates")

    @property
    def maker(self) -> pd.DataFrame:
        """What the contract maker quoted and held, one row a unit."""
        return self.table("maker")

    @property
    def options(self) -> pd.DataFrame:
        """Options for security that were sold, and what was exercised of them."""
        return self.table("options")

    def log(self, carrier: Carrier) -> EventLog:
        """Return the event log of one exchange: every order and trade, from which its books can be replayed.

        ``rexnet_grid.reservex.statistics`` and ``rexnet_grid.reservex.quality`` read it.

        Raises
        ------
        InputError
            When the run holds none: it was interrupted, or the carrier has no exchange.
        """
        from rexnet_grid.reservex import EventLog

        return EventLog.from_parquet(self.folder / "log" / f"{carrier}.parquet")

    @property
    def devices(self) -> pd.DataFrame:
        """States of devices."""
        return self.table("devices")

    @property
    def meters(self) -> pd.DataFrame:
        """Meter readings."""
        return self.table("meters")

    @property
    def participants(self) -> pd.DataFrame:
        """Who takes part, where."""
        return self.table("participants")

    @property
    def nodes(self) -> pd.DataFrame:
        """Nodes of the networks with their places."""
        return self.table("nodes")

    @property
    def branches(self) -> pd.DataFrame:
        """Branches of the networks."""
        return self.table("branches")

    @property
    def weather(self) -> pd.DataFrame:
        """The weather of each unit."""
        return self.table("weather")

    @property
    def electric(self) -> ElectricResults:
        """The electric network."""
        return ElectricResults(self, "electricity")

    @property
    def heat(self) -> HeatResults:
        """The heat network."""
        return HeatResults(self, "heat")

    @cached_property
    def summary(self) -> Summary:
        """The few figures that describe the run."""
        from rexnet_grid.results.summary import summarise

        return summarise(self)

    def __repr__(self) -> str:
        state = "" if self.manifest.complete else ", not complete"
        return f"Results({self.folder.as_posix()!r}, {self.manifest.name!r}{state})"

    def _read(self, name: str) -> pd.DataFrame:
        if name not in self.tables and name not in TABLES:
            known = (*self.tables, *TABLES)
            raise InputError(f'{self.folder}: this run has no table "{name}"; {did_you_mean(name, known)}'.rstrip("; "))
        import pyarrow as pa

        from rexnet_grid.results.parts import arrow_schema, read_parts

        folder = self.folder / name
        try:
            if name in self.tables and any(folder.glob("part-*.parquet")):
                content = read_parts(folder)
            else:
                content = arrow_schema(name, [column.name for column in TABLES[name].columns]).empty_table()
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{folder} cannot be read: {error}") from error
        frame: pd.DataFrame = content.to_pandas()
        return self._with_units(self._on_time(frame, name), TABLES.get(name), name)

    def _on_time(self, frame: pd.DataFrame, name: str) -> pd.DataFrame:
        """Index by the start of the unit; arrays of a network lose the column ``unit``."""
        import pandas as pd

        if "unit" not in frame:
            return frame
        grid = self.manifest.grid
        first = pd.Timestamp(grid.start).tz_convert("UTC")
        offset = pd.to_timedelta(frame["unit"].to_numpy() * grid.unit_minutes, unit="min")
        index = pd.DatetimeIndex(first + offset, name="time").tz_convert(str(grid.start.tzinfo))
        frame.index = index
        if "time" in frame:
            frame = frame.drop(columns="time")
        return frame if name in TABLES else frame.drop(columns="unit")

    def _with_units(self, frame: pd.DataFrame, table: Table | None, name: str) -> pd.DataFrame:
        if table is None:
            frame.attrs["unit"] = unit_of(name)
        else:
            frame.attrs["unit"] = {column.name: column.unit for column in table.columns if column.name in frame}
        return frame
