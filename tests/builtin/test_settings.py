"""A setting is one field: its values, where they may come from, and what is said of a bad one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui import cli
from deadrelu_tui.builtin import config, needs, presets
from deadrelu_tui.builtin.settings import LATER, RunSettings, parse_hidden, parse_lr, parse_scale, parse_speed
from deadrelu_tui.cli import launcher
from deadrelu_tui.engine import begin
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import ACTIVATIONS
from deadrelu_tui.record.commands import next_lr
from deadrelu_tui.tui.wire import terminal
from deadrelu_tui.wording import rate

# The article's experiments


@pytest.mark.parametrize(
    ("name", "lr", "normalise", "activation"),
    [
        ("tragedy", 0.1, False, "relu"),
        ("low-lr", 0.001, False, "relu"),
        ("normalised", 0.5, True, "relu"),
        ("sigmoid", 0.5, False, "sigmoid"),
        ("tanh", 0.5, False, "tanh"),
    ],
)
def test_a_preset_is_the_articles_experiment(name: str, lr: float, normalise: bool, activation: str) -> None:
    preset = presets.PRESETS[name]
    assert (preset.lr, preset.normalise, preset.activation) == (lr, normalise, activation)
    assert (preset.hidden, preset.batch_size, preset.epochs, preset.init) == ((300,), 256, 5, "normal:0.01")


def test_the_presets_stand_in_the_articles_order_and_the_default_is_the_tragedy() -> None:
    assert list(presets.PRESETS) == ["tragedy", "low-lr", "normalised", "sigmoid", "tanh"]
    assert presets.PRESETS[presets.DEFAULT] == RunSettings()


@pytest.mark.parametrize("name", presets.PRESETS)
def test_settings_are_an_experiment_by_rate_input_and_activation_whatever_else_is_set(name: str) -> None:
    settings = presets.PRESETS[name]
    assert presets.matching(settings) == name
    assert presets.matching(replace(settings, seed=9, epochs=1, device="cpu", full=False, data_dir="x")) == name
    assert presets.matching(replace(settings, lr=0.3)) is None
    assert presets.matching(replace(settings, input_scale=0.1)) == (name if settings.normalise else None)
    assert presets.matching(replace(settings, activation="leaky_relu")) is None
    assert presets.matching(replace(settings, hidden=(301,), batch_size=64, init="he")) == name


def test_applying_a_preset_keeps_all_that_makes_no_experiment() -> None:
    mine = RunSettings(seed=5, hidden=(30, 20), epochs=2, batch_size=64, init="he", lr=3.0, input_scale=0.1)
    applied = presets.apply("normalised", mine)
    assert applied == replace(mine, lr=0.5, normalise=True, input_scale=1.0, activation="relu")


def test_settings_that_an_older_version_recorded_are_ours_and_as_they_were() -> None:
    recorded = {name: value for name, value in RunSettings(lr=0.3).as_dict().items() if name not in LATER}
    assert presets.ours(recorded) == RunSettings(lr=0.3)
    assert presets.named({**recorded, "lr": 0.1}) == ("1", "tragedy")
    assert presets.completed(recorded) == RunSettings(lr=0.3).as_dict()
    assert presets.completed({"lr": 0.3}) == {"lr": 0.3}


# The ladder of learning rates


def test_the_ladder_goes_up_and_down_by_1_2_5() -> None:
    rates = [1e-6]
    while (above := next_lr(rates[-1], 1)) != rates[-1]:
        rates.append(above)
    assert [rate(each) for each in rates[:5]] == ["1e-6", "2e-6", "5e-6", "1e-5", "2e-5"]
    assert rates[-4:] == [50, 100, 200, 500]
    assert len(rates) == 27
    down = [rates[-1]]
    while (below := next_lr(down[-1], -1)) != down[-1]:
        down.append(below)
    assert down == rates[::-1]


@pytest.mark.parametrize(
    ("lr", "above", "below"), [(0.1, 0.2, 0.05), (0.3, 0.5, 0.2), (0.0999999, 0.1, 0.05), (1e10, 1e10, 500.0)]
)
def test_a_rate_between_two_rungs_goes_to_the_nearest_in_that_direction(lr: float, above: float, below: float) -> None:
    assert (next_lr(lr, 1), next_lr(lr, -1)) == (above, below)


@given(st.floats(1e-6, 500))
def test_a_rung_up_is_above_and_a_rung_down_below(lr: float) -> None:
    assert next_lr(lr, 1) > lr * (1 - 1e-9)
    assert next_lr(lr, -1) < lr * (1 + 1e-9)
    assert next_lr(lr, 1) / lr < 2.6
    assert lr / next_lr(lr, -1) < 2.6


# Values


@given(st.floats(min_value=5e-324, allow_nan=False, allow_infinity=False))
def test_every_finite_rate_above_zero_is_read_back_as_it_was_written(lr: float) -> None:
    assert parse_lr(lr) == parse_lr(repr(lr)) == lr
    assert RunSettings(lr=lr).lr == lr


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=50))
def test_layers_are_read_back_as_they_were_written(units: list[int]) -> None:
    written = ",".join(map(str, units))
    assert parse_hidden(written) == parse_hidden(units) == parse_hidden(tuple(units)) == tuple(units)


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.integers()))
def test_a_rate_is_a_number_above_zero_or_refused_in_one_line(value: Any) -> None:
    try:
        lr = parse_lr(value)
    except InputError as error:
        lr, message = 1.0, str(error)
    else:
        message = ""
    assert 0 < lr < math.inf
    assert message.isprintable()


def test_settings_are_plain_values_that_json_can_hold() -> None:
    settings = RunSettings(hidden=(300, 100), lr=1e-3)
    again = json.loads(json.dumps(settings.as_dict()))
    assert RunSettings(**again) == settings
    assert list(again) == [each.name for each in fields(RunSettings)]


BAD: dict[str, list[tuple[Any, str]]] = {
    "lr": [(value, "lr must be a number above 0") for value in (0, -1, "x", "", math.nan, math.inf, None, True, [1])],
    "normalise": [(value, "normalise must be true or false") for value in ("yes", 2, None)],
    "input_scale": [
        (value, "input-scale must be a number from 1e-12 to 1e12, such as 0.01 or 1/255")
        for value in (
            0,
            -1,
            "x",
            "",
            "1_0",
            "1/0",
            "1/",
            "/2",
            "1/2/3",
            "1/1_0",
            1e13,
            1e-13,
            math.nan,
            math.inf,
            None,
            True,
            [1],
            "9" * 5000,
        )
    ],
    "activation": [(value, f"activation must be one of {', '.join(ACTIVATIONS)}") for value in ("gelu", "", 1, None)],
    "hidden": [
        (value, "hidden must be 1 to 50 layers of 1 to 10000 units each")
        for value in ("", "0", 0, -3, "300,", "a", (), [], 10_001, "1.5", None, (1,) * 51, [[3]])
    ],
    "batch_size": [(value, "batch-size must be a whole number from 1 to 60000") for value in (0, 60_001, "x", 1.5)],
    "epochs": [(value, "epochs must be endless or a whole number from 1 to 100000") for value in (0, 100_001, "")],
    "steps": [
        (value, "steps must be a whole number from 1 to 100000000") for value in (0, -1, 100_000_001, "x", 1.5, "1_0")
    ],
    "init": [
        *((value, "init must be he, xavier or normal:SCALE") for value in ("", "zeros", "normal:", "normal:x", 1)),
        *((value, "init normal:SCALE needs a scale from 1e-30 to below 1e6") for value in ("normal:0", "normal:1e9")),
    ],
    "seed": [(value, "seed must be a whole number from 0 to 4294967295") for value in (-1, 2**32, "x", 0.5)],
    "engine": [(value, "engine must be one of auto, mxnet, torch, numpy") for value in ("jax", "NumPy", "", 0)],
    "device": [(value, "device must be auto, cpu or gpu:N") for value in ("gpu", "gpu:", "gpu:-1", "tpu", "", 0)],
    "full": [(value, "full must be true or false") for value in ("no", 3)],
}


@pytest.mark.parametrize(("text", "scale"), [("0.1", 0.1), ("1/255", 1 / 255), (" 2 / 4 ", 0.5), (3, 3.0), (0.5, 0.5)])
def test_a_scale_of_the_input_is_a_number_or_a_fraction(text: str | float, scale: float) -> None:
    assert RunSettings(input_scale=text).input_scale == parse_scale(text) == scale  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [(name, value, expected) for name, cases in BAD.items() for value, expected in cases],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_that_is_not_allowed_is_refused_with_what_is(name: str, value: Any, expected: str) -> None:
    with pytest.raises(InputError) as error:
        RunSettings(**{name: value})
    message = str(error.value)
    assert message.startswith(expected)
    assert ", not " in message
    assert message.isprintable()


def test_every_field_but_the_folder_has_values_that_are_refused() -> None:
    assert set(BAD) | {"data_dir"} == {each.name for each in fields(RunSettings)}


def test_every_field_has_help() -> None:
    assert all(each.metadata["help"].endswith(".") for each in fields(RunSettings))


# Where a setting may come from


Choose = Callable[..., RunSettings]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    """Return the settings that the command would run with."""

    def settings(*arguments: str, file: str = "", **environment: str) -> RunSettings:
        found: list[RunSettings] = []

        def run(settings: RunSettings, *_: object, **__: object) -> None:
            found.append(settings)
            raise click.Abort

        monkeypatch.setattr(begin, "make_run", run)
        monkeypatch.setattr(needs, "require_engine", lambda _: None)
        config.path().parent.mkdir(parents=True, exist_ok=True)
        config.path().write_text(file)
        CliRunner().invoke(cli.main_command, arguments, env=environment, catch_exceptions=False)
        return found[0]

    return settings


def test_without_any_setting_it_is_the_tragedy(choose: Choose) -> None:
    assert choose("run") == RunSettings()


def test_on_the_screen_a_run_has_no_end_unless_one_is_set_anywhere(
    choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "check", lambda: None)
    monkeypatch.setattr(launcher, "launch", lambda: launcher.Launched(None, False))
    monkeypatch.setattr(terminal, "Taken", lambda _: SimpleNamespace(meter=None, guard=None, give_back=lambda: None))
    assert choose() == RunSettings(epochs=None)
    assert choose("--preset", "tanh") == replace(presets.PRESETS["tanh"], epochs=None)
    assert choose("--epochs", "5").epochs == choose(file="epochs = 5").epochs == choose(DEADRELU_EPOCHS="5").epochs == 5
    assert choose("--epochs", "endless", file="epochs = 5").epochs is None


def test_without_a_screen_a_run_may_be_endless_but_only_if_it_is_asked_to_be(choose: Choose) -> None:
    assert choose("run").epochs == 5
    assert choose("run", "--epochs", "endless").epochs is None
    assert choose("run", file='epochs = "endless"').epochs is None
    assert choose("run", DEADRELU_EPOCHS="endless").epochs is None
    assert json.loads(json.dumps(RunSettings(epochs=None).as_dict()))["epochs"] is None


@pytest.mark.parametrize(("text", "speed"), [("full", math.inf), ("1", 1.0), (0.1, 0.1), ("1000", 1000.0), (2, 2.0)])
def test_a_speed_is_a_number_of_steps_a_second_or_full(text: str | float, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "0.09", "1001", "inf", "nan", "1_0", "fast", None, True, -1])
def test_what_is_no_speed_is_refused_with_what_is_one(text: object) -> None:
    with pytest.raises(InputError, match=r"^speed must be full or a number of steps a second from 0\.1 to 1000, not "):
        parse_speed(text)  # type: ignore[arg-type]


def test_a_flag_beats_the_environment_beats_the_file_beats_the_preset(choose: Choose) -> None:
    preset = ("run", "--preset", "normalised")
    assert choose(*preset).lr == 0.5
    assert choose(*preset, file="lr = 0.04").lr == 0.04
    assert choose(*preset, file="lr = 0.04", DEADRELU_LR="0.03").lr == 0.03
    assert choose(*preset, "--lr", "0.02", file="lr = 0.04", DEADRELU_LR="0.03").lr == 0.02
    assert choose(*preset, file="lr = 0.04", DEADRELU_LR="").lr == 0.04


def test_a_flag_before_the_command_counts_unless_one_stands_after_it(choose: Choose) -> None:
    assert choose("--lr", "0.02", "run").lr == 0.02
    assert choose("--lr", "0.02", "run", DEADRELU_LR="0.03").lr == 0.02
    assert choose("--lr", "0.02", "run", "--lr", "0.01", DEADRELU_LR="0.03").lr == 0.01


def test_a_preset_may_come_from_anywhere_too(choose: Choose) -> None:
    assert choose("run", file="preset = 'tanh'") == presets.PRESETS["tanh"]
    assert choose("run", file="preset = 'tanh'", DEADRELU_PRESET="sigmoid") == presets.PRESETS["sigmoid"]
    assert choose("run", "--preset", "low-lr", DEADRELU_PRESET="sigmoid") == presets.PRESETS["low-lr"]
    assert choose("run", "--preset", "low-lr", file="activation = 'tanh'").activation == "tanh"


def test_what_has_two_sides_can_be_turned_back_by_a_flag(choose: Choose) -> None:
    assert choose("run", "--preset", "normalised", "--no-normalise").normalise is False
    assert choose("run", "--no-normalise", DEADRELU_NORMALISE="true").normalise is False
    assert choose("run", DEADRELU_NORMALISE="1").normalise is True
    assert [choose("run", *flag).full for flag in ([], ["--full"], ["--embedded"])] == [None, True, False]
    assert choose("run", "--embedded", file="full = true").full is False


def test_whoever_names_a_scale_of_the_input_means_it_whatever_was_said_of_it_farther_off(choose: Choose) -> None:
    scaled = replace(presets.PRESETS["normalised"], normalise=False, input_scale=0.1)
    preset = ("run", "--preset", "normalised")
    assert choose(*preset, "--input-scale", "0.1") == choose(*preset, DEADRELU_INPUT_SCALE="0.1") == scaled
    assert choose(*preset, file="input_scale = '1/10'") == scaled
    assert choose(*preset, "--input-scale", "0.1", DEADRELU_NORMALISE="1", file="normalise = true") == scaled
    assert choose("run", "--no-normalise", "--input-scale", "0.1").normalise is False


def test_whoever_normalises_nearer_than_a_scale_was_named_has_it_normalised_and_the_scale_beside(
    choose: Choose,
) -> None:
    both = RunSettings(normalise=True, input_scale=0.1)
    assert choose("run", "--normalise", DEADRELU_INPUT_SCALE="0.1") == both
    assert choose("run", DEADRELU_NORMALISE="1", file="input_scale = 0.1") == both


@pytest.mark.parametrize(
    ("arguments", "file", "environment"),
    [
        (("--normalise", "--input-scale", "0.1"), "", {}),
        ((), "normalise = true\ninput_scale = 0.1", {}),
        ((), "", {"DEADRELU_NORMALISE": "1", "DEADRELU_INPUT_SCALE": "0.1"}),
    ],
)
def test_a_scale_of_the_input_beside_normalising_is_refused(
    arguments: tuple[str, ...], file: str, environment: dict[str, str]
) -> None:
    config.path().parent.mkdir(parents=True, exist_ok=True)
    config.path().write_text(file)
    with pytest.raises(InputError, match=r"^--normalise is an input scale of 1/255; give one of the two$"):
        CliRunner().invoke(cli.main_command, ["run", *arguments], env=environment, catch_exceptions=False)


def test_the_nearer_of_steps_and_epochs_counts_and_no_layer_has_both(choose: Choose) -> None:
    assert choose("run", "--steps", "50", file="epochs = 3").steps == 50
    assert choose("run", "--steps", "50", DEADRELU_EPOCHS="3").steps == 50
    assert choose("run", DEADRELU_STEPS="50", file="epochs = 3").steps == 50
    assert choose("run", "--epochs", "3", DEADRELU_STEPS="50") == RunSettings(epochs=3)
    assert choose("run", "--epochs", "endless", file="steps = 50") == RunSettings(epochs=None)
    assert choose("run", DEADRELU_EPOCHS="3", file="steps = 50") == RunSettings(epochs=3)
    with pytest.raises(InputError, match=r"give --steps or --epochs$"):
        CliRunner().invoke(cli.main_command, ["run", "--steps", "5", "--epochs", "5"], catch_exceptions=False)


def test_every_setting_is_a_flag_a_variable_and_a_key(choose: Choose) -> None:
    values = {
        "lr": 0.25, "normalise": False, "input_scale": 0.5, "activation": "tanh", "hidden": (30, 20), "batch_size": 32,
        "epochs": 5, "steps": 40, "init": "he", "seed": 4, "engine": "numpy", "device": "cpu",
        "data_dir": "/images", "full": False,
    }  # fmt: skip
    wanted = RunSettings(**values)  # type: ignore[arg-type]
    assert asdict(wanted) == values
    written = {name: "30,20" if name == "hidden" else str(value) for name, value in values.items()}

    del written["epochs"]  # which steps leave as they are
    flags = [
        part
        for name, text in written.items()
        if name not in ("normalise", "full")
        for part in ("--" + name.replace("_", "-"), text)
    ]
    assert choose("run", *flags, "--no-normalise", "--embedded") == wanted
    assert choose("run", **{f"DEADRELU_{name.upper()}": text for name, text in written.items()}) == wanted
    toml = "\n".join(f"{name} = {json.dumps(values[name])}" for name in written)
    assert choose("run", file=toml) == wanted
    assert choose("run", file=toml.replace("_", "-").replace("leaky-relu", "leaky_relu")) == wanted


def test_without_a_file_nothing_is_set(private_home: Path) -> None:
    assert config.path() == private_home / "config/deadrelu-tui/config.toml"
    assert config.read() == {}
