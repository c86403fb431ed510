"""Which variants a study runs, and what a study file may say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexnet_grid.errors import ScenarioError
from rexnet_grid.study import Study
from rexnet_grid.study.designs import latin_hypercube, pick, variants
from rexnet_grid.study.models import Range


def study(design="grid", vary=None, **info):
    head = {"name": "s", "scenario": "quickstart", "design": design, **info}
    return Study.model_validate({"study": head, "vary": vary or {}})


def test_grid_takes_every_combination_with_every_seed():
    runs = variants(study(vary={"feedback.enabled": [True, False], "a.b": [1, 2, 3]}, seeds=[4, 5]))
    assert len(runs) == len({run.name for run in runs}) == 12
    assert [run.name for run in runs[:3]] == ["p0-s4", "p0-s5", "p1-s4"]
    assert runs[-1].overrides == {"feedback.enabled": False, "a.b": 3}
    assert {run.seed for run in runs} == {4, 5}


def test_a_study_that_varies_nothing_is_one_run():
    (run,) = variants(study())
    assert (run.name, run.seed, run.overrides) == ("p0", None, {})


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_latin_hypercube_hits_every_interval_once(samples, seed):
    shares = latin_hypercube(np.random.default_rng(seed), samples)
    assert sorted((shares * samples).astype(int)) == list(range(samples))
    assert ((shares >= 0.0) & (shares < 1.0)).all()


def test_adding_a_key_does_not_change_the_others():
    one = variants(study("latin_hypercube", {"a": {"low": 0.0, "high": 1.0}}, samples=9, seed=3))
    two = variants(
        study("latin_hypercube", {"b": {"low": 0.0, "high": 1.0}, "a": {"low": 0.0, "high": 1.0}}, samples=9, seed=3)
    )
    assert [run.overrides["a"] for run in one] == [run.overrides["a"] for run in two]
    other = variants(study("latin_hypercube", {"a": {"low": 0.0, "high": 1.0}}, samples=9, seed=4))
    assert [run.overrides["a"] for run in one] != [run.overrides["a"] for run in other]


def test_monte_carlo_gives_every_sample_its_own_seed():
    runs = variants(study("monte_carlo", samples=4))
    assert [run.seed for run in runs] == [0, 1, 2, 3]
    assert [run.seed for run in variants(study("monte_carlo", samples=2, seeds=[7]))] == [7, 7]


@given(st.floats(0.0, 1.0, exclude_max=True))
def test_picked_values_stay_inside(share):
    assert 2.0 <= pick(Range(low=2.0, high=5.0), share) <= 5.0
    assert 0.01 <= pick(Range(low=0.01, high=100.0, log=True), share) <= 100.0 * (1 + 1e-12)
    assert pick(Range(low=1, high=3, integer=True), share) in {1, 2, 3}
    assert pick(Range(low=1, high=9, integer=True, log=True), share) in range(1, 10)
    assert pick((True, False), share) is (share < 0.5)


def test_logarithmic_ranges_are_uniform_in_the_logarithm():
    assert pick(Range(low=0.01, high=100.0, log=True), 0.5) == pytest.approx(1.0)
    counts = [pick(Range(low=1, high=3, integer=True), (i + 0.5) / 300) for i in range(300)]
    assert [counts.count(n) for n in (1, 2, 3)] == [100, 100, 100]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[study]\nname='x'\n", "study.scenario"),
        ("[study]\nname='x'\nscenario='q'\nsamples=3\n", "none for"),
        ("[study]\nname='x'\nscenario='q'\ndesign='monte_carlo'\n", "samples for"),
        ("[study]\nname='../x'\nscenario='q'\n", "study.name"),
        ("[study]\nname='x'\nscenario='q'\nsede=1\n", 'did you mean "seed'),
        ("[study]\nname='x'\nscenario='q'\ndesign='gird'\n", "grid"),
        ("[study]\nname='x'\nscenario='q'\n[vary]\na={low=1.0,high=2.0}\n", "ranges need the design"),
        (
            "[study]\nname='x'\nscenario='q'\ndesign='monte_carlo'\nsamples=1\n[vary]\na={low=3.0,high=2.0}\n",
            "low below high",
        ),
        ("[study]\nname='x'\nscenario='q'\n[vary]\na=[]\n", "vary.a"),
        ("[stduy]\n", 'did you mean "study"'),
        ("[study\n", "TOML"),
    ],
)
def test_bad_study_files_get_a_clear_answer(tmp_path, text, said):
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as error:
        Study.load(path)
    assert said in str(error.value)
    assert "study.toml" in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ScenarioError, match="check the path"):
        Study.load(tmp_path / "none.toml")


def test_scenario_beside_the_study_comes_first(tmp_path):
    (tmp_path / "day.toml").write_text("")
    head = {"name": "s", "scenario": "day.toml"}
    path = tmp_path / "study.toml"
    assert Study.model_validate({"study": head}).scenario_path(path) == tmp_path / "day.toml"
    assert str(study().scenario_path(path)) == "quickstart"
