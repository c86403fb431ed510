"""power-grid-model fed with many cases at once, its external grids holding the voltage of their buses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray
    from rexnet_grid.electric.threephase_input import PhaseInput

TOLERANCE = 1e-10
MOST_ROUNDS = 1000
HELD = 1e-9
ROUNDS = 30
PROBE = 0.01
NODES_AT_ONCE = 50_000
OUTPUT = ("node", "line", "transformer", "source", "shunt")
TURN = np.exp(2j * np.pi / 3.0 * np.arange(3)) / 3.0


class PhaseSolver:
    """A net as power-grid-model solves it.

    Currents are injected into one factorisation until voltages settle: that finds the solution of high voltage or none.
    Newton's method is as exact, but beyond the last load that the network carries it may settle at 0.2 p.u.
    """

    def __init__(self, pgm: Any, made: PhaseInput, hertz: float) -> None:
        self._pgm, self._made = pgm, made
        self._model = pgm.PowerGridModel(made.data, system_frequency=hertz)
        self._no_solution = self._pgm.errors.PowerGridError
        self._output = [component for component in OUTPUT if component in made.data]
        self._weak = np.flatnonzero(made.feeding.impedance_ohm)
        one = np.eye(len(self._weak), dtype=complex)
        self._gain = one if len(self._weak) < 2 else self._gain_without_load(one)

    @property
    def at_once(self) -> int:
        """How many cases are solved at once."""
        return max(1, NODES_AT_ONCE // len(self._made.data["node"]))

    def solve(self, watt: FloatArray, var: FloatArray) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        """Return output by component and whether a solution was found, for loads (n_cases, n_load, 3) [W], [var].

        The voltages E behind feeding impedances are moved by what the positive sequence at their buses lacks, until
        these have what their external grids are to hold within 1e-9 p.u.: E += (dU1/dE)^-1 (U_held - U1), the
        derivative being that of the network without loads.
        """
        feeding = self._made.feeding
        behind = np.tile(feeding.held_pu, (len(watt), 1))
        drawn = (watt + 1j * var).sum(axis=(1, 2))[:, None] / len(feeding.node)
        behind += feeding.impedance_ohm / feeding.volt**2 * np.conj(drawn / feeding.held_pu)
        out, solved = self._run(watt, var, behind)
        open_cases = np.flatnonzero(solved & bool(len(self._weak)))
        for _ in range(ROUNDS):
            lacking = self._lacking(out["node"])[open_cases]
            far = np.abs(lacking).max(axis=1, initial=0.0) > HELD
            open_cases, lacking = open_cases[far], lacking[far]
            if not len(open_cases):
                return out, solved
            behind[np.ix_(open_cases, self._weak)] += lacking @ self._gain.T
            more, found = self._run(watt[open_cases], var[open_cases], behind[open_cases])
            for component, table in more.items():
                out[component][open_cases] = table
            solved[open_cases] = found
            open_cases = open_cases[found]
        solved[open_cases] = False
        return out, solved

    def _gain_without_load(self, otherwise: ComplexArray) -> ComplexArray:
        """Return by how much the voltages behind are moved for what buses of several weak external grids lack."""
        held, weak = self._made.feeding.held_pu, self._weak
        behind = np.tile(held, (1 + len(weak), 1))
        behind[1 + np.arange(len(weak)), weak] *= 1.0 + PROBE
        nothing = np.zeros((len(behind), len(self._made.data["asym_load"]), 3))
        out, solved = self._run(nothing, nothing, behind)
        if not solved.all():
            return otherwise
        lacking = self._lacking(out["node"])
        return np.asarray(np.linalg.pinv((lacking[:1] - lacking[1:]).T / (PROBE * held[weak])))

    def _lacking(self, node: NDArray[Any]) -> ComplexArray:
        """Return what the positive sequence lacks of what is held, by case and weak external grid [p.u.]."""
        at = self._made.feeding.node[self._weak]
        along = (node["u_pu"][:, at] * np.exp(1j * node["u_angle"][:, at])) @ TURN
        return np.asarray(self._made.feeding.held_pu[self._weak] - along)

    def _run(
        self, watt: FloatArray, var: FloatArray, behind: ComplexArray
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        load = self._pgm.initialize_array("update", "asym_load", watt.shape[:2])
        load["id"], load["p_specified"], load["q_specified"] = self._made.data["asym_load"]["id"], watt, var
        update = {"asym_load": load}
        if len(self._weak):
            source = update["source"] = self._pgm.initialize_array("update", "source", behind.shape)
            source["id"] = self._made.data["source"]["id"]
            source["u_ref"], source["u_ref_angle"] = np.abs(behind), np.angle(behind)
        how = {
            "symmetric": False,
            "error_tolerance": TOLERANCE,
            "max_iterations": MOST_ROUNDS,
            "calculation_method": "iterative_current",
            "output_component_types": self._output,
        }
        if len(watt) == 1:
            return self._run_one(update, how)
        out: dict[str, NDArray[Any]] = self._model.calculate_power_flow(
            update_data=update, continue_on_batch_error=True, **how
        )
        solved = np.ones(len(watt), dtype=bool)
        if self._model.batch_error is not None:
            solved[self._model.batch_error.failed_scenarios] = False
        return out, solved

    def _run_one(
        self, update: dict[str, NDArray[Any]], how: dict[str, Any]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        """Do the same for one case, for which power-grid-model keeps what it has prepared."""
        self._model.update(update_data={component: table[0] for component, table in update.items()})
        try:
            out = self._model.calculate_power_flow(**how)
        except self._no_solution:
            data = self._made.data
            nothing = {key: self._pgm.initialize_array("asym_output", key, (1, len(data[key]))) for key in self._output}
            return nothing, np.zeros(1, dtype=bool)
        return {component: table[None] for component, table in out.items()}, np.ones(1, dtype=bool)
