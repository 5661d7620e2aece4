"""The map of a sweep through Textual's Pilot, over sweeps that nobody computes: what is seen, and what keys do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from recordings import Recorder
from stories import TRAGEDY, Stage
from sweeps import MadeUp, failed, grid, no_run, outcome, phase, unusual
from textual.pilot import Pilot
from textual.widgets import Label, OptionList, Static

from deadrelu_tui.errors import InputError
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.source import Source, Status
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.grid import Cell
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.tui import phase_keys
from deadrelu_tui.tui.phase_app import PhaseApp
from deadrelu_tui.tui.screens.opened import LeaveQuestion, OpenedScreen, SeedQuestion
from deadrelu_tui.tui.screens.phase import PhaseScreen

WIDE, MIDDLE = (160, 48), (80, 24)


@pytest.fixture(autouse=True)
def unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


class Seen:
    """What a person sees of the map."""

    def __init__(self, app: PhaseApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def map(self) -> PhaseScreen:
        assert self.app.map is not None
        return self.app.map

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    def line(self, name: str) -> str:
        return str(self.map.query_one(f"#{name}", Static).visual)

    @property
    def on_map(self) -> bool:
        """Whether nothing lies over the map."""
        return self.app.screen.id == self.map.id and isinstance(self.app.screen, PhaseScreen)

    @property
    def reading(self) -> str:
        return self.line("verdict")

    @property
    def said(self) -> str:
        """What the newest message says."""
        return "".join(each.message for each in self.app._notifications)

    @property
    def dialog(self) -> str:
        return "\n".join(str(each.visual) for each in self.app.screen.query(Label))

    def rows(self) -> list[str]:
        panel = self.map.map
        return [panel.render_line(y).text[1:-1] for y in range(1, panel.size.height - 1)]

    def cells(self) -> list[str]:
        """The rows of the map alone, without the names on their left."""
        fit, top = self.map.map._fit, self.map.map._top
        return [row[fit.left : fit.left + fit.width] for row in self.rows()[top : top + fit.height]]

    def roles(self) -> list[list[str]]:
        """What each character of the map is, as the panel was told."""
        fit, top = self.map.map._fit, self.map.map._top
        found = []
        for row in self.map.map._content[1][top : top + fit.height]:
            every = [role for text, role in row for _ in text]
            found.append(every[fit.left : fit.left + fit.width])
        return found

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(500):
            if true():
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it never came to be")


@asynccontextmanager
async def shown(
    sweep: MadeUp, size: tuple[int, int] = WIDE, metric: str = "dead", find: Callable[[str], Source] = no_run,
    save: Callable[[], str] = lambda: "/tmp/map.svg",
) -> AsyncIterator[Seen]:  # fmt: skip
    app = phase(sweep, metric, find, save=save)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Seen(app, pilot)


def filled(come: Callable[[Cell], Outcome | None] = outcome, upto: int | None = None, **of: int) -> MadeUp:
    sweep = MadeUp(grid(**of))  # type: ignore[arg-type]
    sweep.fill(come, upto)
    return sweep


def sharp(cell: Cell) -> Outcome:
    """All die beyond a line that falls by one place a row, none before it."""
    beyond = cell.place[0] + cell.place[1] > 4
    return outcome(cell)._replace(values={"dead": float(beyond), "accuracy": 0.8 - 0.7 * beyond, "loss": 2.0})


async def test_the_cursor_reads_a_place_and_arrows_and_letters_move_it() -> None:
    async with shown(filled()) as seen:
        assert seen.reading.startswith("lr 0.0316, input scale 0.0625: dead 0 %")
        await seen.press("right", "l", "up", "k")
        assert seen.reading.startswith("lr 0.1, input scale 0.25: dead ")
        await seen.press("left", "h", "down", "j")
        assert seen.reading.startswith("lr 0.0316, input scale 0.0625: dead ")
        await seen.press("end", "pagedown")
        assert seen.reading.startswith("lr 10, input scale 0.00391: dead 57.4 % (47.7–71.0 % over 3 seeds) · dying 3")
        assert seen.reading.endswith("finished")
        await seen.press("right", "down", "home")  # it stays at the edges
        assert seen.reading.startswith("lr 1e-4, input scale 0.00391: dead 0 % (3 seeds) · healthy 3")


async def test_a_click_reads_a_place() -> None:
    async with shown(filled()) as seen:
        fit, top = seen.map.map._fit, seen.map.map._top
        await seen.pilot.click("#map", offset=(1 + fit.left + 2 * fit.cell[0] + 1, 1 + top + fit.cell[1]))
        assert seen.reading.startswith("lr 0.000316, input scale 0.5: ")


async def test_lines_run_between_cells_that_live_and_cells_that_die() -> None:
    sweep = filled(sharp, across=9, up=5, seeds=1)
    async with shown(sweep) as seen:
        wide, high = seen.map.map._fit.cell
        assert (wide, high) == (14, 6)
        await seen.press("home", "pagedown")
        lines = {
            (x // wide, y // high, seen.cells()[y][x])
            for y, row in enumerate(seen.roles())
            for x, role in enumerate(row)
            if role.startswith("line:")
        }
        # Row 0 on top is the last place upwards. The line lies on the living side; in its corners on the other one.
        rights = {(row, row, "▕") for row in range(5)}
        tops = {(row, row, "▔") for row in range(1, 5)}
        corners = {(row + 1, row, "▏") for row in range(1, 5)}
        assert lines == rights | tops | corners


async def test_where_cells_have_one_row_the_line_below_them_is_an_underline() -> None:
    async with shown(filled(sharp, across=21, up=9, seeds=1), MIDDLE) as seen:
        assert seen.map.map._fit.cell == (3, 1)
        cells = seen.cells()
        under = {
            (x // 3, y)
            for y, row in enumerate(seen.roles())
            for x, role in enumerate(row)
            if "under" in role or cells[y][x] == "▁"
        }
        assert under == {(across, 3 + across) for across in range(5)}


async def test_where_nothing_is_known_no_line_is_drawn() -> None:
    async with shown(MadeUp(grid())) as seen:
        assert not any(role.startswith("line:") for row in seen.roles() for role in row)
        assert seen.reading == "lr 0.0316, input scale 0.0625: not begun"
        assert "running" in seen.line("header")
        assert seen.line("progress").split()[:4] == ["0", "of", "567", "runs"]


async def test_what_theory_expects_is_marked_in_each_row_and_told_below() -> None:
    async with shown(filled()) as seen:
        high, cells = seen.map.map._fit.cell[1], seen.cells()
        marks = [{x for x, glyph in enumerate(cells[y * high + high - 1]) if glyph == "┊"} for y in range(9)]
        assert [len(each) for each in marks] == [1] * 9
        assert sorted(marks, key=min) == marks  # the smaller the batch, the larger the rate
        assert "┊ theory: half of layer 1 dies beyond" in seen.rows()[-1]


async def test_theory_is_marked_across_columns_where_the_rate_goes_upwards() -> None:
    rates = grid(across=7, up=5, seeds=1)
    turned = MadeUp(type(rates)(rates.base, rates.axes[::-1], 1))
    async with shown(turned) as seen:
        assert "┈" in "".join(seen.cells())
        assert seen.rows()[0].strip() == "↑ learning rate"
        assert "input scale" in [row.strip() for row in seen.rows()]


async def test_v_and_tab_go_through_the_metrics_and_the_map_follows() -> None:
    async with shown(filled()) as seen:
        await seen.press("v")
        assert seen.reading.startswith("lr 0.0316, input scale 0.0625: zeros 40.0 %")
        await seen.press("tab")
        assert "accuracy 80.7 %" in seen.reading
        assert seen.map.map.title.startswith("accuracy  of the test images")
        assert seen.rows()[-1].startswith("100 % ")  # alive is where much is right
        await seen.press("v")
        assert "loss 0.465" in seen.reading
        assert seen.rows()[-1].startswith("0.31 ")  # least to greatest of what was measured
        await seen.press("shift+tab", "V", "V")
        assert "dead 0 %" in seen.reading


async def test_a_metric_of_ones_own_is_shown_first_and_stays_among_them() -> None:
    async with shown(filled(), metric="test-loss") as seen:
        assert "test-loss" in seen.reading
        assert seen.line("chosen").split()[:6] == ["v", "dead", "zeros", "accuracy", "loss", "test-loss"]


async def test_brackets_go_through_the_pages_of_further_axes() -> None:
    sweep = MadeUp(grid(5, 3, 1, [Axis("activation", ("relu", "tanh"))]))
    sweep.fill(lambda cell: outcome(cell)._replace(values={"dead": 0.25 * (cell.place[2] + 1)}))
    async with shown(sweep) as seen:
        assert "page 1/2: activation relu" in seen.line("chosen")
        assert seen.reading.startswith("lr 0.0316, input scale 0.0625, activation relu: dead 25.0 %")
        assert "┊" in "".join(seen.cells())
        await seen.press("right_square_bracket")
        assert "page 2/2: activation tanh" in seen.line("chosen")
        assert seen.reading.startswith("lr 0.0316, input scale 0.0625, activation tanh: dead 50.0 %")
        assert "┊" not in "".join(seen.cells())  # theory says nothing of tanh
        await seen.press("right_square_bracket", "left_square_bracket")
        assert "page 2/2" in seen.line("chosen")


async def test_without_further_axes_there_is_no_key_for_pages() -> None:
    async with shown(filled()) as seen:
        assert "page" not in seen.line("keys")
        assert seen.map.check_action("leaf", ()) is False


async def test_signs_tell_what_diverged_failed_runs_and_waits_each_with_its_word() -> None:
    sweep = filled(unusual, upto=200)
    running = next(each for index, each in enumerate(sweep.chart.grid.cells()) if index == 300)
    sweep.chart.begun(running)
    async with shown(sweep) as seen:
        legend = seen.rows()[-1]
        for word in ("· pending", "▸ running", "× diverged", "! failed"):
            assert word in legend
        cells = "".join(seen.cells())
        assert cells.count("!") == 1
        assert cells.count("▸") == 1
        assert cells.count("×") == 8


async def test_a_finished_map_has_no_signs_below_it_that_it_does_not_show() -> None:
    async with shown(filled()) as seen:
        assert not any(word in seen.rows()[-1] for word in ("pending", "running", "diverged", "failed"))


async def test_the_reading_of_what_failed_tells_its_error() -> None:
    async with shown(filled(failed)) as seen:
        assert seen.reading == "lr 0.0316, input scale 0.0625: failed: a worker has no memory left"


async def test_the_map_fills_while_others_add_to_it_and_is_drawn_for_nothing_else() -> None:
    sweep = MadeUp(grid(seeds=1))
    async with shown(sweep) as seen:
        await seen.until(lambda: "0 of 189" in seen.line("progress"))
        sweep.fill(upto=189)
        await seen.until(lambda: "189 of 189" in seen.line("progress"))
        assert "dead 0 %" in seen.reading
        panel, drawn = seen.map.map, 0
        show = panel.show

        def counted(*given: object) -> None:
            nonlocal drawn
            drawn += 1
            show(*given)  # type: ignore[arg-type]

        panel.show = counted  # type: ignore[method-assign, assignment]
        await seen.pilot.pause(0.3)
        assert drawn == 0
        await seen.press("left")
        assert drawn == 1


async def test_when_it_is_over_a_line_says_how_it_went_until_q() -> None:
    sweep = filled(unusual)
    sweep.over = True
    async with shown(sweep) as seen:
        await seen.until(lambda: "all 567 runs are done" in seen.line("progress"))
        assert seen.line("progress").endswith(": 24 diverged, 3 failed   q leaves")
        assert "● finished" in seen.line("header")
        await seen.press("q")
        assert not seen.app.is_running


async def test_a_sweep_that_was_stopped_or_broke_off_says_so() -> None:
    sweep = filled(upto=100)
    sweep.over = True
    async with shown(sweep) as seen:
        await seen.until(lambda: "100 of 567 runs are done" in seen.line("progress"))
        assert "the same command goes on" in seen.line("progress")
        sweep.error = InputError("no worker can be begun here")
        await seen.until(lambda: "no worker can be begun here; what is computed is kept" in seen.line("progress"))
        assert "● broken off" in seen.line("header")


async def test_why_nothing_goes_on_is_told() -> None:
    sweep = filled(upto=100)
    sweep.waiting = "no worker has come yet"
    async with shown(sweep) as seen:
        assert "no worker has come yet" in seen.line("progress")
        assert "● waiting" in seen.line("header")
        sweep.waiting, sweep.unrecorded = "", "No space left on device"
        await seen.until(lambda: "not recorded: No space left on device" in seen.line("progress"))
        assert "not recorded   ● running" in seen.line("header")


async def test_the_speed_is_that_of_what_is_computed_and_not_of_what_was_recorded_before() -> None:
    sweep = MadeUp(grid())
    async with shown(sweep) as seen:
        sweep.fill(upto=300)
        sweep.taken = 300
        await seen.until(lambda: "300 of 567" in seen.line("progress"))
        assert "– runs/s   ETA –" in seen.line("progress")
        sweep.fill(upto=310)
        await seen.until(lambda: "310 of 567" in seen.line("progress"))
        assert "ETA –" not in seen.line("progress")


async def test_q_asks_while_the_sweep_goes_on() -> None:
    async with shown(filled(upto=100)) as seen:
        await seen.press("q")
        assert isinstance(seen.app.screen, LeaveQuestion)
        assert "467 runs are left. Leave? What is computed is kept, and the same command goes on." in seen.dialog
        await seen.press("n")
        assert seen.on_map
        await seen.press("ctrl+c", "y")
        assert not seen.app.is_running
        assert not seen.app.terminated


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Callable[[str], Source]]:
    """Open the one run that there is, whatever it is asked for."""
    stage, opened = Stage(), list[Recorded]()
    made = Recorder(TRAGEDY.settings, stage.training(TRAGEDY), stage)
    made.run.begin()
    path = made.write(tmp_path)

    def find(run: str) -> Source:
        if not run.startswith("run-"):
            raise InputError(f"there is no run {run}")
        opened.append(Recorded(path))
        opened[-1].settle()
        return opened[-1]

    yield find
    for each in opened:
        each.close()
    stage.shutdown()


async def test_enter_opens_the_run_and_escape_comes_back(recorded: Callable[[str], Source]) -> None:
    sweep = filled(seeds=1, upto=150)
    async with shown(sweep, find=recorded) as seen:
        before = seen.reading
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, OpenedScreen))
        opened = seen.app.screen
        assert isinstance(opened, OpenedScreen)
        assert opened.run_in_hand.status is Status.FINISHED
        await seen.until(lambda: "DEAD" in str(opened.query_one("#verdict", Static).visual))
        keys = str(opened.query_one("#keys", Static).visual)
        assert "back to the map" in keys
        assert "restart" not in keys
        assert "normalise" not in keys
        await seen.press("left", "left")
        assert opened.view.cursor is not None  # the keys that read work
        sweep.fill(upto=189)  # and the sweep goes on meanwhile
        await seen.press("r")
        assert "deadrelu-tui replay" in seen.said
        await seen.press("escape")
        assert opened.view.cursor is None
        await seen.press("escape")
        assert seen.on_map
        assert seen.reading == before
        await seen.until(lambda: "189 of 189" in seen.line("progress"))
        await seen.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, OpenedScreen))
        await seen.press("q")
        assert seen.on_map


async def test_of_several_seeds_one_is_chosen_by_its_number(recorded: Callable[[str], Source]) -> None:
    asked = list[str]()

    def find(run: str) -> Source:
        asked.append(run)
        return recorded(run)

    async with shown(filled(), find=find) as seen:
        await seen.press("end", "enter")
        assert isinstance(seen.app.screen, SeedQuestion)
        options = seen.app.screen.query_one(OptionList)
        told = [str(options.get_option_at_index(index).prompt) for index in range(3)]
        assert told[1].strip() == "2  seed 1: dead 100 % · dead · finished"
        await seen.press("escape")
        assert seen.on_map
        await seen.press("enter", "2")
        await seen.until(lambda: isinstance(seen.app.screen, OpenedScreen))
        await seen.press("q", "enter", "j", "j", "enter")
        await seen.until(lambda: isinstance(seen.app.screen, OpenedScreen))
    assert asked == ["run-20-4-1", "run-20-4-2"]


@pytest.mark.parametrize(
    ("come", "sentence"),
    [
        (lambda cell: None, "This run has not ended yet: enter opens it then."),
        (failed, "This run failed, and nothing of it was recorded: a worker has no memory left."),
        (lambda cell: outcome(cell)._replace(run=""), "This run was not recorded: there is nothing to open."),
        (lambda cell: outcome(cell)._replace(run="gone"), "This run cannot be opened: there is no run gone."),
    ],
    ids=["running", "failed", "not recorded", "gone"],
)
async def test_a_cell_that_cannot_be_opened_says_why(
    come: Callable[[Cell], Outcome | None], sentence: str, recorded: Callable[[str], Source]
) -> None:
    async with shown(filled(come, seeds=1), find=recorded) as seen:
        await seen.press("enter")
        assert seen.said == sentence
        assert seen.on_map


async def test_a_cell_that_has_not_begun_cannot_be_opened() -> None:
    async with shown(MadeUp(grid())) as seen:
        await seen.press("enter")
        assert seen.said == "This run has not begun yet."


async def test_p_saves_a_picture_and_says_where_or_why_not() -> None:
    async with shown(filled(), save=lambda: "/home/ann/map.svg") as seen:
        await seen.press("p")
        await seen.until(lambda: "Saved as /home/ann/map.svg" in seen.said)

    def full() -> str:
        raise InputError("the disk is full")

    async with shown(filled(), save=full) as seen:
        await seen.press("p")
        await seen.until(lambda: "No picture was saved: the disk is full." in seen.said)


@pytest.mark.parametrize(
    ("size", "cell"), [(WIDE, (7, 4)), ((200, 60), (9, 5)), ((120, 36), (5, 2)), (MIDDLE, (3, 1)), ((60, 18), (2, 1))]
)
async def test_all_of_a_map_is_seen_with_its_axes_at_every_size(size: tuple[int, int], cell: tuple[int, int]) -> None:
    async with shown(filled(), size) as seen:
        assert seen.map.map._fit.cell == cell
        assert seen.map.map._fit.shown == (21, 9)
        rows = "\n".join(seen.rows())
        for name in ("0.0625", "0.25", "1e-4", "10", "0 %", "100 %", "half are dead"):
            assert name in rows
        whole = rows + seen.map.map.title
        assert "learning rate" in whole
        assert "↑ input scale" in whole
        assert all(len(row) == size[0] - 2 for row in seen.rows())


async def test_numbers_stand_in_cells_that_have_room_for_them() -> None:
    async with shown(filled(), MIDDLE) as seen:
        first = seen.cells()[0].split()
        assert first[0] == "0"
        assert "89" in seen.cells()[0]
        assert "100" not in seen.cells()[0]  # of three columns one is left to the line


async def test_a_grid_of_one_axis_is_one_row() -> None:
    async with shown(filled(up=1)) as seen:
        assert seen.map.map._fit.shown == (21, 1)
        assert seen.reading.startswith("lr 0.0316: dead ")
        await seen.press("up", "down", "right")
        assert seen.reading.startswith("lr 0.0562: dead ")


async def test_of_a_grid_larger_than_the_screen_a_part_follows_the_cursor() -> None:
    async with shown(filled(across=100, up=100, seeds=1), MIDDLE) as seen:
        assert seen.map.map._fit.cell == (1, 1)
        assert "of 100" in seen.map.map.hint
        await seen.press("home", "pagedown")
        assert seen.map.map.hint.startswith("columns 1–")
        assert "rows 1–" in seen.map.map.hint
        await seen.press("end", "pageup")
        assert seen.map.map.hint.count("–100 of 100") == 2
        assert seen.reading.startswith("lr 10, input scale 1: ")


async def test_a_large_grid_is_drawn_in_no_time() -> None:
    sweep = filled(across=100, up=100, seeds=1)
    async with shown(sweep) as seen:
        panel, took = seen.map.map, list[float]()
        for _ in range(5):
            sweep.chart.begun(sweep.chart.grid.cell((0, 0)))  # something has changed
            began = time.process_time()
            panel.show_chart()
            took.append(time.process_time() - began)
        assert min(took) < 0.2


async def test_in_a_terminal_too_small_for_a_map_a_sentence_tells_how_far_it_is() -> None:
    async with shown(filled(upto=100), (30, 8)) as seen:
        assert seen.line("numbers") == "100 of 567 runs"
        assert not seen.map.map.display
        await seen.pilot.resize_terminal(80, 24)
        await seen.until(lambda: seen.map.map.display and "dead" in seen.map.map.title)


async def test_in_plain_ascii_no_other_character_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    for size in (WIDE, MIDDLE):
        async with shown(filled(unusual, upto=400), size) as seen:
            told = [*seen.rows(), *(seen.line(name) for name in ("header", "progress", "chosen", "verdict", "keys"))]
            assert all(text.isascii() for text in told)
            assert "|" in "".join(seen.cells())


async def test_without_colours_shades_and_numbers_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with shown(filled(), WIDE) as seen:
        assert "█" in "".join(seen.cells())
        assert " 100 " in "".join(seen.cells())
    async with shown(filled(), (60, 18)) as seen:
        assert {"░", "█"} <= set("".join(seen.cells()))


async def test_the_help_has_every_key_and_the_palette_what_applies() -> None:
    actions = {each.action.partition("(")[0] for each in phase_keys.KEYS if not each.system}
    assert actions <= {name for names in phase_keys.GROUPS.values() for name in names}
    async with shown(filled()) as seen:
        told = [name for _, keys in phase_keys.explained(seen.app.get_key_display) for _, name, _ in keys]
        assert {"open the run", "metric", "picture", "diverged", "theory"} <= set(told)
        await seen.press("question_mark")
        assert not seen.on_map
        await seen.press("escape")
        titles = [each.title for each in seen.app.get_system_commands(seen.app.screen)]
        assert "Picture  (p)" in titles
        assert not any(each.startswith("Next page") for each in titles)


async def test_a_terminal_that_goes_and_a_signal_end_the_map() -> None:
    async with shown(filled(upto=100)) as seen:
        seen.app.hang_up()
        await seen.pilot.pause()
        assert seen.app.hung_up
        assert seen.app.return_code == 129
    async with shown(filled(upto=100)) as seen:
        seen.app._terminate()
        await seen.pilot.pause()
        assert seen.app.terminated


def test_processes_can_be_begun_while_the_map_is_shown() -> None:
    code = """
import multiprocessing, os
from sweeps import MadeUp, grid, phase

async def begin(pilot):
    worker = multiprocessing.get_context("spawn").Process(target=os.getpid)
    worker.start()
    worker.join()
    pilot.app.exit()

app = phase(MadeUp(grid()))
app.run(headless=True, auto_pilot=begin)
assert app.error is None, app.error
assert not app.return_code, app.return_code
"""
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
