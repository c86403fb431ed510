"""What a network calls its buses and branches."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.electric.case import GridCase


class Labelled:
    """A network whose arrays carry the user's names.

    Attributes
    ----------
    case
        The network as arrays.
    """

    case: GridCase

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.case.name

    @cached_property
    def buses(self) -> pd.Index:
        """Ids of the buses, the order of every injection."""
        import pandas as pd

        return pd.Index(self.case.bus_id, name="bus")

    @cached_property
    def branches(self) -> pd.Index:
        """Names of lines and transformers, such as ``"line 3"``, the order of every loading."""
        import pandas as pd

        return pd.Index([str(name) for name in self.case.branch_name], name="branch")
