"""What a user sees who mistypes: one clear answer, exit code 2, no traceback, nothing overwritten."""

from __future__ import annotations

import pytest

from rexnet_grid import __version__
from rexnet_grid.cli import main


@pytest.fixture
def rexnet(monkeypatch, capsys, tmp_path):
    """Call the command in an empty folder; return exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["rexnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return ended.value.code or 0, out, err

    return call


def test_a_wrong_section(rexnet, tmp_path):
    (tmp_path / "bad.toml").write_text("[marekt]\nlot_kw = 0.1\n")
    code, out, err = rexnet("validate", "bad.toml")
    assert code == 2
    assert out == ""
    assert 'did you mean "market"?' in err
    assert err.startswith("3 problems in bad.toml")


def test_each_issue_is_one_line(rexnet, tmp_path):
    (tmp_path / "bad.toml").write_text("[heat]\nground_c = 283\n[feedback]\nmargin = 4\n")
    code, _, err = rexnet("validate", "bad.toml")
    assert code == 2
    assert len(err.splitlines()) == 1 + 4


def test_markup_in_a_file_is_shown_as_it_is(rexnet, tmp_path):
    (tmp_path / "bad.toml").write_text('["[bold]x[/nothing]"]\na = 1\n')
    code, _, err = rexnet("validate", "bad.toml")
    assert code == 2
    assert '"[bold]x[/nothing]": got an unknown section' in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("validate", "nowhere.toml"), "no such file"),
        (("validate", "scenarios/quickstart.toml"), "the built-in scenario is called quickstart"),
        (("validate", "quickstrat"), 'did you mean "quickstart"?'),
        (("run", "quickstart", "--set", "feedback.enabeld=false"), 'did you mean "enabled"?'),
        (("run", "quickstart", "--set", "feedback.enabled"), "key=value"),
        (("run", "quickstart", "--set", "feedback.enabled=maybe"), "expected true or false"),
        (("run", "quickstart", "--seed", "-1"), "--seed"),
        (("run", "quickstart", "--resume"), "runs/quickstart"),
        (("validate", "quickstart", "--set", "electric.network=cigre_lvv"), 'did you mean "cigre_lv"?'),
        (("validate", "quickstart", "--set", "electric.network=lv_schutterwald:14"), "lv_schutterwald:13"),
        (("validate", "quickstart", "--set", "heat.network=nets/mine"), "looked for"),
        (("validate", "quickstart", "--set", "weather.source=try2010:16"), "try2010:15"),
        (("validate", "quickstart", "--set", "weather.source=hot.csv"), "looked for"),
        (("new", "x", "--from", "quickstrat"), 'did you mean "quickstart"?'),
        (("networks", "show", "cigre_lvv"), 'did you mean "cigre_lv"?'),
        (("networks", "import", "none.json", "--to", "x"), "no such file"),
        (("report", "runs/none"), "no such folder"),
        (("nonsense",), "nonsense"),
        (("run",), "SCENARIO"),
    ],
)
def test_bad_input_ends_with_2_and_says_why(rexnet, arguments, said):
    code, _, err = rexnet(*arguments)
    assert code == 2
    assert said in err


def test_a_folder_with_another_run_is_left_alone(rexnet, tmp_path):
    out = tmp_path / "runs" / "quickstart"
    out.mkdir(parents=True)
    (out / "manifest.json").write_text("{}")
    code, _, err = rexnet("run", "quickstart")
    assert code == 2
    assert "holds another run" in err
    assert [path.name for path in out.iterdir()] == ["manifest.json"]
    assert (out / "manifest.json").read_text() == "{}"


def test_new_never_overwrites(rexnet, tmp_path):
    code, out, _ = rexnet("new", "mine")
    assert code == 0
    assert "rexnet run mine/quickstart.toml" in out
    file = tmp_path / "mine" / "quickstart.toml"
    file.write_text("mine\n")
    assert rexnet("new", "mine")[0] == 2
    assert file.read_text() == "mine\n"


def test_what_new_makes_is_valid(rexnet):
    rexnet("new", "mine")
    assert rexnet("validate", "--shallow", "mine/quickstart.toml")[0] == 0


def test_a_fault_of_ours_ends_with_1(rexnet, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("rexnet_grid.scenario.checking.check_scenario", fail)
    code, _, err = rexnet("validate", "quickstart")
    assert code == 1
    assert "internal error: ZeroDivisionError: division by zero" in err


def test_debug_shows_the_traceback(monkeypatch, tmp_path):
    from rexnet_grid.errors import ScenarioError

    monkeypatch.setattr("sys.argv", ["rexnet", "validate", str(tmp_path / "none.toml"), "--debug"])
    with pytest.raises(ScenarioError):
        main()


def test_ctrl_c_ends_with_130(rexnet, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("rexnet_grid.scenario.checking.check_scenario", stop)
    assert rexnet("validate", "quickstart")[0] == 130


def test_version(rexnet):
    assert rexnet("version") == (0, f"{__version__}\n", "")


def test_schema_names_every_key(rexnet):
    code, out, _ = rexnet("schema")
    assert code == 0
    for word in ("forward_units", "loading_max_percent", "return_temperature_c", "EUR/MWh", "[[participants]]"):
        assert word in out


def test_schema_for_editors(rexnet):
    import json

    code, out, _ = rexnet("schema", "--json")
    assert code == 0
    assert json.loads(out)["properties"]["feedback"]


def test_networks_are_listed(rexnet):
    code, out, _ = rexnet("networks", "list")
    assert code == 0
    for name in ("lv_schutterwald:5", "cigre_mv", "destest", "simbench:"):
        assert name in out


def test_quiet_is_quiet(rexnet):
    assert rexnet("validate", "--shallow", "--quiet", "quickstart") == (0, "", "")
