"""Write docs/parameters.md from the parameter table: `python docs/reference.py`."""

from __future__ import annotations

from pathlib import Path

from engine.parameters import LATENT_MAX, TABLE, Parameter


def line(row: Parameter) -> str:
    default = " ".join(str(value) for value in row.show(row.default))
    if row.kind == "choice":
        span = ", ".join(row.choices)
    elif row.kind == "axis":
        span = f"0…{LATENT_MAX - 1}, {', '.join(row.choices)}"
    elif row.kind == "switch":
        span = "0, 1"
    else:
        span = f"{row.low:g}…{row.high:g}"
    return f"| `{row.address}` | {row.help} | {span} | {row.unit} | {default} |"


def page() -> str:
    """The whole page as Markdown."""
    head = [
        "# Parameters",
        "",
        "Read off `engine/parameters.py` by `python docs/reference.py`. `{n}` is a finger, 1…10.",
        "",
        "| address | what it does | range | unit | default |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *(line(row) for row in TABLE)]) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("parameters.md").write_text(page(), encoding="utf-8")
