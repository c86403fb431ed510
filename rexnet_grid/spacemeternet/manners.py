"""The manners of scikit-learn's estimators, without scikit-learn."""

from __future__ import annotations

from inspect import signature
from typing import Any, Self

from rexnet_grid.errors import MeterDataError


class Estimator:
    """Base of the estimators: constructor arguments are parameters, kept under their own names."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Return the constructor's arguments; ``deep`` is accepted for compatibility."""
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments and return self; a name that is not one raises :class:`ValueError`."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({inside})"

    def _require_fit(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise MeterDataError(f"this {type(self).__name__} is not fitted yet; call fit first")
