"""Writes ``readings/day.csv`` and ``readings/fall.jsonl``: an invented day, always the same one.

Three places live through 2 March 2026 (times are UTC): a meeting room with two long meetings, a cold store whose door
stands open after lunch, a mushroom room that dries out, fills with CO2 and is left open at night. A wristband falls.

Run it with ``python examples/generate_readings.py``.
"""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAY = datetime(2026, 3, 2, tzinfo=UTC)
STEP_MINUTES = 5
COLUMNS = ("timestamp", "device", "temperature", "humidity", "co2", "light", "occupancy")
Cells = dict[str, str]


def main() -> None:
    """Write both files beside this script."""
    folder = Path(__file__).parent / "readings"
    chance = random.Random(2026)
    with (folder / "day.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(day(chance))
    lines = [json.dumps(line) for line in fall(chance)]
    (folder / "fall.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def day(chance: random.Random) -> Iterator[Cells]:
    """Yield the rows of the day in the order of time."""
    people_co2, mushroom_co2, mushroom_humidity = 450.0, 700.0, 91.0
    for step in range(24 * 60 // STEP_MINUTES):
        hour = step * STEP_MINUTES / 60
        at = (DAY + timedelta(minutes=step * STEP_MINUTES)).isoformat().replace("+00:00", "Z")
        people = 6 if 9.5 <= hour < 11 else 10 if 13.5 <= hour < 15.5 else 0
        people_co2 += people * 14 - (people_co2 - 430) * 0.07
        yield {"timestamp": at, "device": "meeting-room", **meeting_room(hour, people, people_co2, chance)}
        yield {"timestamp": at, "device": "cold-store", "temperature": f"{cold_store(hour, chance):.1f}"}
        breathing = 1_350 if 2 <= hour < 4 or 16 <= hour < 18 else 650
        mushroom_co2 += (breathing - mushroom_co2) * 0.08
        mist = 5 <= hour < 7 or 11 <= hour < 12 or 16 <= hour < 17.5
        mushroom_humidity += (96 - mushroom_humidity) * 0.15 if mist else (76 - mushroom_humidity) * 0.02
        yield {
            "timestamp": at,
            "device": "mushroom-1",
            "temperature": f"{mushroom_temperature(hour) + chance.gauss(0, 0.1):.1f}",
            "humidity": f"{mushroom_humidity + chance.gauss(0, 0.3):.1f}",
            "co2": f"{mushroom_co2 + chance.gauss(0, 12):.0f}",
            "light": "0",
        }


def meeting_room(hour: float, people: int, co2: float, chance: random.Random) -> Cells:
    """Return what the meeting room measures."""
    warm = 20.5 + 1.5 * math.sin((hour - 9) / 24 * 2 * math.pi) + people * 0.12
    return {
        "temperature": f"{warm + chance.gauss(0, 0.1):.1f}",
        "humidity": f"{42 + people * 0.6 + chance.gauss(0, 0.4):.1f}",
        "co2": f"{co2 + chance.gauss(0, 8):.0f}",
        "light": "420" if people else "60" if 8 <= hour < 18 else "0",
        "occupancy": "true" if people else "false",
    }


def cold_store(hour: float, chance: random.Random) -> float:
    """Return the temperature of the cold store in °C; its door stands open from 13:10 to 13:40."""
    door = 8 * math.exp(-(((hour - 13.6) / 0.35) ** 2))
    return 2.5 + 0.6 * math.sin(hour * 4) + door + chance.gauss(0, 0.1)


def mushroom_temperature(hour: float) -> float:
    """Return the temperature of the mushroom room in °C; somebody forgets its door at 22:30."""
    forgotten = -5 * (1 - math.exp(-(hour - 22.5) * 2)) if hour > 22.5 else 0.0
    return 19.5 + 3 * math.sin((hour - 9) / 24 * 2 * math.pi) + forgotten


def fall(chance: random.Random) -> Iterator[dict[str, object]]:
    """Yield one minute of a wristband at 10 Hz, in g: walking, free fall, impact, stillness; then its button."""
    start = DAY + timedelta(hours=10, minutes=20)
    for tick in range(600):
        x, y, z = (chance.gauss(0, 0.15) for _ in range(3))
        if tick < 300:
            z += 1 + 0.3 * math.sin(tick * 1.2)
        elif tick < 304:
            z += 0.05
        elif tick < 306:
            x, z = x + 2.4, z + 3.1
        else:
            x, y, z = x / 10 + 0.98, y / 10, z / 10 + 0.1
        at = (start + timedelta(milliseconds=100 * tick)).isoformat().replace("+00:00", "Z")
        force = {"x": round(x, 2), "y": round(y, 2), "z": round(z, 2)}
        yield {"device": "wristband", "timestamp": at, "values": {"accelerometer": force}}
    at = (start + timedelta(minutes=2)).isoformat().replace("+00:00", "Z")
    yield {"event": "button_pressed", "timestamp": at, "device": "wristband", "data": {"button": "help"}}


if __name__ == "__main__":
    main()
