"""The command starts quickly: what is heavy is imported inside the commands that need it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pandas", "numpy", "scipy", "numba", "pandapower", "plotly", "pyarrow", "networkx", "simpy", "demandlib")

CODE = """
import sys
sys.argv = ["rexnet", *{arguments!r}]
try:
    {statement}
except SystemExit as ended:
    assert not ended.code, ended.code
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""


def heavy_modules(arguments, statement="from rexnet_grid.cli import main; main()"):
    code = CODE.format(arguments=arguments, statement=statement, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["version"],
        ["networks", "list"],
        ["schema"],
        ["validate", "--shallow", "quickstart"],
    ],
    ids=" ".join,
)
def test_the_command_imports_nothing_heavy(arguments):
    assert heavy_modules(arguments) == "[]"


def test_the_package_imports_nothing_heavy():
    assert heavy_modules([], "import rexnet_grid") == "[]"
