"""The palette: calm, and told apart by colour-blind readers (after Okabe and Ito, 2008)."""

from textual.theme import Theme

DARK = Theme(
    name="deadrelu-dark",
    primary="#6cb6e8",
    secondary="#7fc8a9",
    accent="#e8c268",
    warning="#e8a33d",
    error="#ee7b4d",
    success="#58b99d",
    foreground="#cfd6de",
    background="#11161c",
    surface="#161c24",
    panel="#1d2530",
    boost="#243040",
    dark=True,
)
LIGHT = Theme(
    name="deadrelu-light",
    primary="#0067a3",
    secondary="#00755c",
    accent="#8a6100",
    warning="#9a5b00",
    error="#b83c00",
    success="#00755c",
    foreground="#1f2933",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e8e5de",
    boost="#dedad1",
    dark=False,
)
