"""The rooms obey physics: nothing is lost, nothing is made, and left alone they become like outside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whenthen_server.demo.moistair import humidity_pct, saturation_kg_m3, saturation_pa, saturation_slope_kg_m3_k
from whenthen_server.demo.physics import (
    CO2_KG_M3,
    IDLE,
    Drive,
    RoomSpec,
    RoomState,
    advance,
    climate,
    energy_j,
    initial,
    ventilation_m3_s,
    water_kg,
)
from whenthen_server.demo.rooms import FRUITING_ROOM, ROOMS, TENT
from whenthen_server.demo.stages import FRUITING, PINNING, respiration_co2_kg_s
from whenthen_server.demo.weather import BELGIUM, Outside, outside

HOUR_S = 3_600.0
HOUR_US = 3_600_000_000
WINTER_US = 1_768_204_800_000_000  # 2026-01-12T08:00Z

parts = st.floats(0.0, 1.0)
drives = st.builds(Drive, parts, parts, parts, parts, parts, door_open=st.booleans(), leak_kg_s=st.floats(0.0, 0.3))


def outsides() -> st.SearchStrategy[Outside]:
    def made(temperature_c: float, humidity: float, lux: float) -> Outside:
        return Outside(temperature_c, humidity / 100.0 * saturation_kg_m3(temperature_c), lux)

    return st.builds(made, st.floats(-20.0, 40.0), st.floats(0.0, 100.0), st.floats(0.0, 110_000.0))


@st.composite
def rooms(draw: st.DrawFn) -> tuple[RoomSpec, RoomState]:
    spec = draw(st.sampled_from(ROOMS))
    warmth, humidity = draw(st.floats(-10.0, 40.0)), draw(st.floats(1.0, 100.0))
    state = initial(spec, warmth, humidity, draw(st.floats(0.0, 40_000.0)), draw(st.floats(1.0, 80.0)))
    walls = draw(st.floats(-10.0, 40.0))
    return spec, replace(state, wall_c=walls, film_kg=draw(parts) * spec.wall_m2 * 0.05, puddle_kg=draw(parts) * 50.0)


@given(rooms(), drives, outsides(), st.floats(1.0, 1_800.0))
def test_energy_water_and_co2_in_a_room_change_by_what_crosses_its_boundary(
    room: tuple[RoomSpec, RoomState], drive: Drive, outer: Outside, seconds: float
) -> None:
    spec, before = room
    after = advance(spec, before, drive, outer, seconds)

    assert energy_j(spec, after) - energy_j(spec, before) == pytest.approx(after.totals.heat_j, rel=1e-9, abs=1.0)
    assert water_kg(after) - water_kg(before) == pytest.approx(after.totals.water_kg, rel=1e-9, abs=1e-6)
    assert after.co2_kg - before.co2_kg == pytest.approx(after.totals.co2_kg, rel=1e-9, abs=1e-9)


@given(rooms(), drives, outsides(), st.floats(1.0, 1_800.0))
def test_no_store_is_ever_negative_and_the_air_never_holds_more_than_it_can(
    room: tuple[RoomSpec, RoomState], drive: Drive, outer: Outside, seconds: float
) -> None:
    spec, state = room
    after = advance(spec, state, drive, outer, seconds)

    assert after.film_kg >= 0.0
    assert after.substrate_water_kg >= 0.0
    assert after.puddle_kg >= 0.0
    assert after.co2_kg >= 0.0
    assert 0.0 <= humidity_pct(after.air_c, after.vapour_kg / spec.volume_m3) <= 100.0 + 1e-6


@given(rooms(), outsides(), st.floats(300.0, 1_800.0))
def test_a_room_full_of_mist_fogs_instead_of_holding_more_than_it_can(
    room: tuple[RoomSpec, RoomState], outer: Outside, seconds: float
) -> None:
    spec, state = room
    warm = replace(state, wall_c=state.air_c)
    after = advance(spec, warm, Drive(humidifier=1.0), outer, seconds)

    assert humidity_pct(after.air_c, after.vapour_kg / spec.volume_m3) <= 100.0 + 1e-6


@pytest.mark.parametrize("spec", ROOMS, ids=lambda spec: str(spec.id))
def test_an_empty_room_with_everything_off_becomes_like_outside(spec: RoomSpec) -> None:
    empty = replace(spec, substrate_kg=0.0, substrate_open_m2=0.0, wall_heat_j_k=3.0e5)
    outer = Outside(8.0, 0.6 * saturation_kg_m3(8.0), 0.0)
    state = initial(empty, 24.0, 90.0, 5_000.0, 65.0)
    for _ in range(4 * 24):
        state = advance(empty, state, IDLE, outer, HOUR_S)

    assert state.air_c == pytest.approx(8.0, abs=0.05)
    assert state.wall_c == pytest.approx(8.0, abs=0.05)
    assert state.vapour_kg / empty.volume_m3 == pytest.approx(outer.vapour_kg_m3, rel=0.01)
    assert state.co2_kg / (CO2_KG_M3 * empty.volume_m3) * 1e6 == pytest.approx(420.0, abs=1.0)


@pytest.mark.parametrize("spec", ROOMS, ids=lambda spec: str(spec.id))
def test_the_length_of_a_step_does_not_matter(spec: RoomSpec) -> None:
    """One-second steps and five-second steps end within a few hundredths of one another after three busy hours."""
    drive = Drive(heater=0.3, cooler=0.1, fan=0.3, humidifier=0.2, lamp=1.0)
    outer = Outside(3.0, 0.8 * saturation_kg_m3(3.0), 0.0)
    coarse = fine = initial(spec, 16.0, 85.0, 800.0, 65.0)
    for _ in range(3 * 720):
        coarse = advance(spec, coarse, drive, outer, 5.0)
        for _ in range(5):
            fine = advance(spec, fine, drive, outer, 1.0)
    one, other = climate(spec, coarse, drive, outer), climate(spec, fine, drive, outer)

    assert one.temperature_c == pytest.approx(other.temperature_c, abs=0.05)
    assert one.humidity_pct == pytest.approx(other.humidity_pct, abs=0.3)
    assert one.co2_ppm == pytest.approx(other.co2_ppm, abs=2.0)


@pytest.mark.parametrize(
    ("drive", "what", "sign"),
    [
        (Drive(heater=1.0), "temperature_c", 1),
        (Drive(cooler=1.0), "temperature_c", -1),
        (Drive(lamp=1.0), "temperature_c", 1),
        (Drive(lamp=1.0), "light_lux", 1),
        (Drive(fan=1.0), "co2_ppm", -1),
        (Drive(fan=1.0), "temperature_c", -1),
        (Drive(door_open=True), "temperature_c", -1),
        (Drive(door_open=True), "co2_ppm", -1),
        (Drive(humidifier=1.0), "humidity_pct", 1),
        (Drive(humidifier=1.0), "temperature_c", -1),
        (Drive(leak_kg_s=0.02), "puddle_mm", 1),
    ],
)
def test_each_machine_moves_the_room_the_right_way(drive: Drive, what: str, sign: int) -> None:
    outer = Outside(5.0, 0.8 * saturation_kg_m3(5.0), 0.0)
    start = initial(FRUITING_ROOM, 17.0, 80.0, 1_500.0, 65.0)

    def after(drive: Drive) -> float:
        state = advance(FRUITING_ROOM, start, drive, outer, 600.0)
        return float(getattr(climate(FRUITING_ROOM, state, drive, outer), what))

    assert sign * (after(drive) - after(IDLE)) > 0.1


def test_a_heater_warms_by_its_power_when_nothing_escapes() -> None:
    """3 kW for an hour are 10.8 MJ; air and walls of this room take 3.07 MJ/K: 3.5 K, less what breath and water do."""
    tight = replace(
        FRUITING_ROOM, conduction_w_m2_k=0.0, infiltration_m3_s=0.0, substrate_kg=0.0, substrate_open_m2=0.0
    )
    outer = Outside(0.0, 0.0, 0.0)
    state = initial(tight, 15.0, 50.0, 420.0, 65.0)
    warm = advance(tight, state, Drive(heater=1.0), outer, HOUR_S)

    assert energy_j(tight, warm) - energy_j(tight, state) == pytest.approx(10.8e6, rel=1e-9)
    assert warm.wall_c - state.wall_c == pytest.approx(3.5, abs=0.3)


def test_a_sealed_room_full_of_mist_stays_at_saturation() -> None:
    sealed = replace(TENT, infiltration_m3_s=0.0)
    outer = Outside(15.0, 0.01, 0.0)
    state = initial(sealed, 15.0, 90.0, 420.0, 65.0)
    for _ in range(60):
        state = advance(sealed, state, Drive(humidifier=1.0), outer, 60.0)

    assert humidity_pct(state.air_c, state.vapour_kg / sealed.volume_m3) == pytest.approx(100.0, abs=0.2)
    assert state.film_kg > 0.1


def test_substrate_dries_to_nothing_and_not_below() -> None:
    dead = replace(FRUITING, fruit_kg_per_substrate_kg=0.0)
    dying = replace(FRUITING_ROOM, stage=dead, substrate_kg=0.001)
    outer = Outside(20.0, 0.001, 0.0)
    state = replace(initial(dying, 20.0, 10.0, 420.0, 65.0), substrate_water_kg=1e-4)
    after = advance(dying, state, Drive(fan=1.0), outer, 600.0)

    assert 0.0 <= after.substrate_water_kg < 1e-5


def test_cold_walls_collect_a_film_and_give_it_back() -> None:
    outer = Outside(15.0, 0.5 * saturation_kg_m3(15.0), 0.0)
    sealed = replace(TENT, substrate_kg=0.0, substrate_open_m2=0.0)
    cold = replace(initial(sealed, 20.0, 95.0, 420.0, 65.0), wall_c=5.0)
    wet = advance(sealed, cold, IDLE, outer, 300.0)
    dry = advance(sealed, wet, Drive(fan=1.0), outer, 20 * HOUR_S)

    assert wet.film_kg > 0.005
    assert dry.film_kg < 0.1 * wet.film_kg


def test_a_leak_drains_away_once_it_is_stopped() -> None:
    outer = Outside(10.0, 0.007, 0.0)
    wet = advance(
        FRUITING_ROOM, initial(FRUITING_ROOM, 16.0, 88.0, 800.0, 65.0), Drive(leak_kg_s=1 / 60), outer, HOUR_S
    )
    dry = advance(FRUITING_ROOM, wet, IDLE, outer, 2 * HOUR_S)

    assert climate(FRUITING_ROOM, wet, IDLE, outer).puddle_mm > 0.8
    assert climate(FRUITING_ROOM, dry, IDLE, outer).puddle_mm < 0.05


def test_an_open_door_exchanges_more_the_colder_it_is_outside() -> None:
    state = initial(FRUITING_ROOM, 18.0, 88.0, 800.0, 65.0)
    mild, cold = (
        ventilation_m3_s(FRUITING_ROOM, state, Drive(door_open=True), Outside(outer_c, 0.003, 0.0))
        for outer_c in (13.0, -2.0)
    )

    assert cold == pytest.approx(2.0 * mild, rel=0.05)  # the root of four times the difference


@pytest.mark.parametrize(("warmth_c", "pascal"), [(0.0, 611.2), (10.0, 1228.0), (20.0, 2339.0), (30.0, 4246.0)])
def test_saturation_follows_the_steam_tables(warmth_c: float, pascal: float) -> None:
    assert saturation_pa(warmth_c) == pytest.approx(pascal, rel=0.004)


@given(st.floats(-20.0, 40.0))
def test_the_slope_of_saturation_is_its_derivative(warmth_c: float) -> None:
    rise = saturation_kg_m3(warmth_c + 0.01) - saturation_kg_m3(warmth_c - 0.01)

    assert saturation_slope_kg_m3_k(warmth_c) == pytest.approx(rise / 0.02, rel=1e-4)


def test_mushrooms_breathe_as_measured() -> None:
    """Bohling and Hansen: 2,500 J/(kg h) at 15 °C, 750 at 3.5 °C; here as the difference that fruiting bodies make."""

    def fruit_j_per_kg_h(warmth_c: float) -> float:
        bare = replace(FRUITING, fruit_kg_per_substrate_kg=0.0)
        full = replace(FRUITING, fruit_kg_per_substrate_kg=1.0)
        grown = respiration_co2_kg_s(full, 1.0, warmth_c) - respiration_co2_kg_s(bare, 1.0, warmth_c)
        return grown * 10.7e6 * HOUR_S

    assert fruit_j_per_kg_h(15.0) == pytest.approx(2_500.0, rel=0.01)
    assert fruit_j_per_kg_h(3.5) == pytest.approx(750.0, rel=0.01)


@given(st.integers(0, 2**32), st.integers(0, 4_000_000_000_000_000))
def test_weather_is_a_function_of_seed_and_instant_and_never_beyond_saturation(seed: int, at_us: int) -> None:
    now = outside(BELGIUM, seed, at_us)
    soon = outside(BELGIUM, seed, at_us + 60_000_000)

    assert now == outside(BELGIUM, seed, at_us)
    assert 0.0 < humidity_pct(now.temperature_c, now.vapour_kg_m3) <= 100.0 + 1e-9
    assert abs(soon.temperature_c - now.temperature_c) < 1.0
    assert now.light_lux >= 0.0


def test_the_year_is_that_of_belgium() -> None:
    def mean_c(month_start_us: int) -> float:
        hours = range(30 * 24)
        warmths = [outside(BELGIUM, 5, month_start_us + hour * HOUR_US).temperature_c for hour in hours]
        return sum(warmths) / len(warmths)

    assert mean_c(WINTER_US) == pytest.approx(3.7, abs=1.5)
    assert mean_c(WINTER_US + 181 * 24 * HOUR_US) == pytest.approx(18.7, abs=1.5)


def test_nights_are_dark_and_winter_days_shorter_than_summer_days() -> None:
    def light_hours(day_us: int) -> int:
        quarters = [outside(BELGIUM, 1, day_us + quarter * HOUR_US // 4).light_lux > 0.0 for quarter in range(96)]
        return sum(quarters) // 4

    assert light_hours(WINTER_US - 8 * HOUR_US) in {7, 8}
    assert light_hours(WINTER_US + 172 * 24 * HOUR_US) in {15, 16}


def test_stages_want_what_stamets_says() -> None:
    assert (PINNING.temperature_c.low, PINNING.temperature_c.high) == (10.0, 15.6)
    assert not FRUITING.humidity_pct.holds(90.1)
