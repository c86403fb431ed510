"""rexnet_grid as a simulator of mosaik: markets and networks step with the others, which read the delivered state.

::

    world = mosaik.World({"Rexnet": {"python": "rexnet_grid.interop.mosaik:RexnetSimulator"}})
    rexnet = world.start("Rexnet", scenario="quickstart", out="runs/with-mosaik")
    grid = rexnet.Grid()
    bus = next(child for child in grid.children if child.eid.endswith("bus 12"))
    world.connect(bus, controller, "vm_pu")

Everybody who acts on the networks trades on the exchanges, so data flow out of this simulator only: participants come
from the scenario.

References
----------
mosaik API 3, https://mosaik.readthedocs.io
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import InputError, MissingExtraError, ScenarioError
from rexnet_grid.results import RunWriter

try:
    from mosaik_api_v3 import Simulator
except ImportError as error:
    raise MissingExtraError("mosaik_api_v3", "mosaik") from error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from rexnet_grid.cosim import Simulation
    from rexnet_grid.units import Carrier

GRID = "Grid"
ELEMENTS = {"electricity": "ElectricElement", "heat": "HeatElement"}


class _Tap(RunWriter):
    """A writer that remembers the last row of each array of a network."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.last: dict[str, dict[str, float]] = {}

    def append_array(self, table: str, unit: int, names: Sequence[str], values: ArrayLike) -> None:
        super().append_array(table, unit, names, values)
        self.last[table] = dict(zip(names, np.asarray(values, dtype=np.float64).tolist(), strict=True))


class RexnetSimulator(Simulator):  # type: ignore[misc]
    """A time-based simulator with one model, ``Grid``, whose children are the elements of the networks.

    Children are called ``<carrier>/<element>``; their attributes are the arrays that hold the element, such as
    ``vm_pu`` [p.u.], ``loading_percent`` [%] or ``supply_c`` [degC], for the unit that begins at the time of the step.
    """

    def __init__(self) -> None:
        super().__init__({"api_version": "3.0", "type": "time-based", "models": {}})
        self._simulation: Simulation | None = None
        self._writer: _Tap | None = None
        self._step = 0

    def init(
        self,
        sid: str,
        time_resolution: float = 1.0,
        *,
        scenario: str = "quickstart",
        out: str | None = None,
        seed: int | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> Any:
        """Build the run.

        Parameters
        ----------
        sid
            Name that mosaik gives.
        time_resolution
            Length of mosaik's time step [s]; the unit must be a whole multiple of it.
        scenario, out, seed, overrides
            As for :func:`rexnet_grid.run`.

        Raises
        ------
        InputError
            With every issue of the scenario, or when units are no multiple of the time step.
        OutputError
            When the folder holds another run.
        """
        from rexnet_grid.scenario import check_scenario
        from rexnet_grid.scenario.build import build_simulation
        from rexnet_grid.scenario.running import header, load

        loaded = load(scenario, seed, overrides or {})
        issues = check_scenario(loaded, deep=False)
        if issues:
            raise ScenarioError(issues)
        step = loaded.info.unit_minutes * 60.0 / time_resolution
        if step != int(step):
            raise InputError(f"units of {loaded.info.unit_minutes} min are no multiple of {time_resolution:g} s")
        self._step = int(step)
        self._writer = _Tap(out if out is not None else f"runs/{loaded.name}-{sid}", header=header(loaded))
        self._simulation = build_simulation(loaded, self._writer)
        arrays = {carrier: self._arrays(carrier) for carrier in self._simulation.setup.markets}
        self.meta["models"] = {
            GRID: {"public": True, "params": [], "attrs": []},
            **{ELEMENTS[c]: {"public": False, "params": [], "attrs": sorted(names)} for c, names in arrays.items()},
        }
        return self.meta

    def create(self, num: int, model: str, **_params: Any) -> list[dict[str, Any]]:
        """Return the one grid with its elements as children.

        Raises
        ------
        InputError
            When more than one is asked for.
        """
        if num != 1 or model != GRID:
            raise InputError(f"a simulator holds exactly one {GRID}; asked for {num} {model}")
        carriers = [] if self._simulation is None else list(self._simulation.setup.markets)
        children = [
            {"eid": f"{carrier}/{name}", "type": ELEMENTS[carrier]}
            for carrier in carriers
            for name in dict.fromkeys(name for names in self._arrays(carrier).values() for name in names)
        ]
        return [{"eid": "grid", "type": GRID, "children": children}]

    def step(self, time: int, inputs: Mapping[str, Any], max_advance: int) -> int:  # noqa: ARG002
        """Take the unit that begins at ``time`` through the cycle; beyond the last unit nothing has a value."""
        if self._simulation is not None and self._writer is not None:
            self._writer.last.clear()
            if self._simulation.unit < self._simulation.setup.units:
                self._simulation.step()
        return time + self._step

    def get_data(self, outputs: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float | None]]:
        """Return the attributes asked for, from the last delivered unit; None where an element has no such value."""
        answer: dict[str, dict[str, float | None]] = {}
        for eid, attributes in outputs.items():
            carrier, _, name = eid.partition("/")
            answer[eid] = {a: self._value(carrier, a, name) for a in attributes}
        return answer

    def finalize(self) -> None:
        """Close the run folder."""
        if self._simulation is None or self._writer is None:
            return
        done = self._simulation.unit >= self._simulation.setup.units
        close = self._writer.finish if done else self._writer.interrupt
        close(self._simulation.manifest())

    def _arrays(self, carrier: Carrier) -> Mapping[str, Sequence[str]]:
        if self._simulation is None:
            return {}
        return self._simulation.setup.markets[carrier].network.columns()

    def _value(self, carrier: str, attribute: str, name: str) -> float | None:
        folder = {"electricity": "electric", "heat": "heat"}.get(carrier, "")
        last = self._writer.last if self._writer is not None else {}
        return last.get(f"{folder}/{attribute}", {}).get(name)
