"""Units of measure: which quantity each belongs to, and how values go from one to another."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One of this unit is `factor` of the quantity's own unit, whose zero lies at `offset` of this one."""

    quantity: str
    factor: float = 1.0
    offset: float = 0.0


_UNITS: Final = {
    "°C": Unit(quantity="temperature"),
    "°F": Unit(quantity="temperature", factor=5 / 9, offset=32.0),
    "K": Unit(quantity="temperature", offset=273.15),
    "A": Unit(quantity="current"),
    "mA": Unit(quantity="current", factor=1e-3),
    "kA": Unit(quantity="current", factor=1e3),
    "V": Unit(quantity="voltage"),
    "mV": Unit(quantity="voltage", factor=1e-3),
    "kV": Unit(quantity="voltage", factor=1e3),
    "m/min": Unit(quantity="wire_feed"),
    "m/s": Unit(quantity="wire_feed", factor=60.0),
    "mm/s": Unit(quantity="wire_feed", factor=0.06),
    "cm/min": Unit(quantity="wire_feed", factor=0.01),
    "m/h": Unit(quantity="wire_feed", factor=1 / 60),
    "ft/min": Unit(quantity="wire_feed", factor=0.3048),
    "in/min": Unit(quantity="wire_feed", factor=0.0254),
    "L/min": Unit(quantity="gas_flow"),
    "L/h": Unit(quantity="gas_flow", factor=1 / 60),
    "L/s": Unit(quantity="gas_flow", factor=60.0),
    "m3/h": Unit(quantity="gas_flow", factor=1000 / 60),
    "cfh": Unit(quantity="gas_flow", factor=28.316846592 / 60),
    "cfm": Unit(quantity="gas_flow", factor=28.316846592),
    "mL/min": Unit(quantity="gas_flow", factor=1e-3),
    "L": Unit(quantity="volume"),
    "m3": Unit(quantity="volume", factor=1e3),
    "bar": Unit(quantity="pressure"),
    "mbar": Unit(quantity="pressure", factor=1e-3),
    "Pa": Unit(quantity="pressure", factor=1e-5),
    "kPa": Unit(quantity="pressure", factor=1e-2),
    "MPa": Unit(quantity="pressure", factor=10.0),
    "psi": Unit(quantity="pressure", factor=0.0689475729),
    "W": Unit(quantity="power"),
    "kW": Unit(quantity="power", factor=1e3),
    "kWh": Unit(quantity="energy"),
    "Wh": Unit(quantity="energy", factor=1e-3),
    "Hz": Unit(quantity="frequency"),
}
_SPELLINGS: Final = {
    "C": "°C",
    "degC": "°C",
    "F": "°F",
    "degF": "°F",
    "l/min": "L/min",
    "lpm": "L/min",
    "m/minute": "m/min",
    "m³/h": "m3/h",
    "ampere": "A",
    "volt": "V",
}


def converted(value: float, unit: str, into: str, *, difference: bool = False) -> float | None:
    """Return `value` given in `unit` in `into`, None when they measure different things.

    A `difference` (a standard deviation, a range) has no zero, so that only the factor counts.
    """
    if into == "°":
        into = unit
    source, target = _known(unit), _known(into)
    if unit == into:
        return value
    if source is None or target is None or source.quantity != target.quantity:
        return None
    if difference:
        return value * source.factor / target.factor
    return (value - source.offset) * source.factor / target.factor + target.offset


def field_of_unit(unit: str) -> str:
    """Return the usual field that is measured in `unit`, "" when there is none: "above 60 °C" is a temperature."""
    known = _known("°C" if unit == "°" else unit)
    return "" if known is None or known.quantity in {"volume", "frequency"} else known.quantity


def _known(unit: str) -> Unit | None:
    return _UNITS.get(_SPELLINGS.get(unit, unit))
