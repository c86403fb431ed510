"""A run set down between two units and taken up again, exactly.

A checkpoint holds what changes: participants, exchanges, the states of the networks, the times of the next wake-ups,
the random streams and the figures so far. What does not change, such as the factorised networks, is built again from
the scenario. It is read back with a list of allowed classes only, so a checkpoint of a stranger cannot run code.
"""

from __future__ import annotations

import io
import pickle
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rexnet_grid.errors import OutputError

if TYPE_CHECKING:
    from rexnet_grid.cosim.simulation import Simulation

_PACKAGE = "rexnet_grid."
_ALLOWED = {
    ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "slice"), ("builtins", "range"),
    ("builtins", "bytearray"), ("collections", "Counter"), ("collections", "defaultdict"), ("collections", "deque"),
    ("collections", "OrderedDict"), ("datetime", "datetime"), ("datetime", "timedelta"), ("datetime", "timezone"),
    ("zoneinfo", "ZoneInfo._unpickle"), ("numpy", "ndarray"), ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"), ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"), ("numpy.core.numeric", "_frombuffer"),
    ("numpy.random._pickle", "__generator_ctor"), ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pcg64", "PCG64"), ("numpy.random.bit_generator", "SeedSequence"),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    """Loads the classes of this package and plain containers, nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return an allowed class; a name with a dot could reach anything that its module imports."""
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        if module.startswith(_PACKAGE) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__.startswith(_PACKAGE):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into a checkpoint")


def save(simulation: Simulation) -> bytes:
    """Return the state of a run between two units."""
    markets = simulation.setup.markets
    state = {
        "unit": simulation.unit,
        "calls": simulation.calls,
        "timings_s": simulation.timings_s,
        "tally": simulation.tally,
        "meter_errors": simulation.meter_errors,
        "members": simulation.setup.population.members,
        "now": simulation.floor.now,
        "next_wake": simulation.floor.next_wake,
        "wakes": simulation.floor.wakes,
        "stopped": simulation.setup.outages.stopped,
        "happened": len(simulation.setup.events) - len(simulation.floor.pending),
        "exchanges": {c: m.exchange for c, m in markets.items()},
        "tapes": {c: m.tape for c, m in markets.items()},
        "signals": {c: m.signal for c, m in markets.items()},
        "published": [feedback.published for feedback in simulation.setup.feedbacks],
        "networks": {c: m.network.save() for c, m in markets.items()},
        "oracles": [feedback.oracle.save() for feedback in simulation.setup.feedbacks],
    }
    return zlib.compress(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL), level=1)


def load(payload: bytes) -> dict[str, Any]:
    """Return what :func:`save` kept.

    Raises
    ------
    OutputError
        When the payload is no checkpoint of this version.
    """
    try:
        state: dict[str, Any] = _Unpickler(io.BytesIO(zlib.decompress(payload))).load()
    except (zlib.error, pickle.UnpicklingError, AttributeError, ImportError, EOFError, IndexError, TypeError) as error:
        raise OutputError(f"the checkpoint cannot be read by this version: {error}") from error
    return state


def restore(simulation: Simulation, payload: bytes) -> None:
    """Bring a freshly built run to where its checkpoint was written.

    Raises
    ------
    OutputError
        When the payload is no checkpoint of this version.
    """
    state = load(payload)
    simulation.unit, simulation.calls = state["unit"], state["calls"]
    simulation.timings_s, simulation.tally = state["timings_s"], state["tally"]
    simulation.meter_errors = state["meter_errors"]
    simulation.setup = replace(
        simulation.setup, population=replace(simulation.setup.population, members=state["members"])
    )
    simulation.setup.outages.stopped.update(state["stopped"])
    for carrier, market in simulation.setup.markets.items():
        market.take_over(state["exchanges"][carrier], state["tapes"][carrier])
        market.signal = state["signals"][carrier]
        market.network.restore(state["networks"][carrier])
    for feedback, memory in zip(simulation.setup.feedbacks, state["oracles"], strict=True):
        feedback.oracle.restore(memory)
    for feedback, published in zip(simulation.setup.feedbacks, state["published"], strict=True):
        feedback.recall(published)
    simulation.floor.resume(
        state["now"], state["members"], state["next_wake"], state["wakes"], simulation.setup.events[state["happened"] :]
    )
