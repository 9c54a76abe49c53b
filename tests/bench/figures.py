"""One measured figure and the aim it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value. `aim` is text such as `≤ 60` or `≥ 80`, empty for a figure that is only reported."""

    key: str
    value: float
    unit: str
    aim: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the value is within its aim; `None` without one."""
        if not self.aim:
            return None
        sign, bound = self.aim.split()
        return self.value <= float(bound) if sign == "≤" else self.value >= float(bound)

    def to_json(self) -> dict[str, Any]:
        """The figure as `--json` prints it."""
        return asdict(self) | {"met": self.met, "value": round(self.value, 3)}


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0…1) of the values lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
