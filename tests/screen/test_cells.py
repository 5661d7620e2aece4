"""A panel of cells shows at once what it was given, and whether it is in focus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.screen import Screen

from deadrelu_tui.tui.panels.cells import BORDER_ROLES, CellPanel


class Panels(Screen[None]):
    """Two panels, of which only the borders have roles, and nobody draws anything anew."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"role--{role}" for role in BORDER_ROLES}

    def compose(self) -> ComposeResult:
        """Show both."""
        yield CellPanel("first", ascii_only=False)
        yield CellPanel("second", ascii_only=False)

    def on_mount(self) -> None:
        """Give each a title."""
        for panel in self.query(CellPanel):
            panel.show([(f"the {panel.id}", "name")], [[("text", "text")]])


class Two(App[None]):
    """The two on a screen."""

    CSS = """
    CellPanel { height: 4; }
    Panels > .role--border { color: rgb(1,1,1); }
    Panels > .role--focus { color: rgb(2,2,2); }
    """

    def get_default_screen(self) -> Screen[object]:
        """Show the panels."""
        return Panels()  # type: ignore[return-value]


def borders_of(app: App[None]) -> Iterator[str]:
    """Yield the colour of each panel's border as it would be drawn."""
    for panel in app.query(CellPanel):
        corner = next(iter(panel.render_line(0)))
        assert corner.style is not None
        assert corner.style.color is not None
        yield corner.style.color.name


async def test_a_panel_has_the_colour_of_the_focus_as_soon_as_it_is_there() -> None:
    app = Two()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        first, second = app.query(CellPanel)
        for chosen, expected in ((first, ["#020202", "#010101"]), (second, ["#010101", "#020202"])):
            app.set_focus(chosen)
            await pilot.pause()
            assert list(borders_of(app)) == expected


async def test_the_parts_of_a_title_are_whole_and_apart_from_each_other_and_from_the_corner() -> None:
    parts = ["ledger", "died 298", "revived 298"]
    app = Two()
    async with app.run_test(size=(60, 10)) as pilot:
        panel = app.query(CellPanel).first()
        for width in range(10, 45):
            panel.styles.width = width
            await pilot.pause()
            panel.show([(part, "name") for part in parts], [[("text", "text")]])
            top = panel.render_line(0).text
            fitting = [part for part in parts if f" {part} " in top]
            assert re.fullmatch(rf"╭─ {' {1,2}'.join(fitting)} {{1,2}}─*╮", top) if fitting else top.strip("╭─ ╮") == ""
            assert len(top) == width
            taken = sum(len(part) + 2 for part in fitting) + len("╭─ ╮")
            assert all(taken + len(part) + 1 > width for part in parts if part not in fitting)
            assert fitting == parts or sum(len(part) + 1 for part in parts) + len("╭─ ╮") > width
            loose = sum(len(part) + 2 for part in parts) - 1 + len("╭─ ╮") <= width
            assert ("  ".join(parts) in top) == loose
        assert fitting == parts


class Themed(Two):
    """The same in the colours of a theme."""

    CSS = "CellPanel { height: 4; } Panels > .role--border, Panels > .role--focus { color: $primary; }"


async def test_a_panel_that_is_drawn_takes_the_colours_of_another_theme() -> None:
    app = Themed()
    async with app.run_test(size=(40, 10)) as pilot:
        for name in ("nord", "gruvbox", "textual-light"):
            app.theme = name
            await pilot.pause()
            theme = app.get_theme(name)
            assert theme is not None
            assert {colour.lower() for colour in borders_of(app)} == {theme.primary.lower()}


async def test_only_the_rows_that_have_changed_are_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Two()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        panel = app.query(CellPanel).first()
        title: list[tuple[str, str]] = [("the first", "name")]
        panel.show(title, [[("text", "text")], [("more", "text")]])
        await pilot.pause()
        asked: list[Region] = []
        monkeypatch.setattr(panel, "refresh", lambda *regions: asked.extend(regions))
        panel.show(title, [[("text", "text")], [("more", "text")]])
        assert asked == []
        panel.show(title, [[("text", "text")], [("mere", "text")]])
        assert asked == [Region(0, 2, 40, 1)]
        assert "mere" in panel.render_line(2).text
