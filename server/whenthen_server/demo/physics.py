"""One room's heat, water and CO2, stepped by seconds; every flow leaves one store and enters another.

Explicit Euler steps of at most ``STEP_S``: each flow is computed once, from the state before the step, and booked on
both sides, so energy and water are conserved exactly, whatever the step. ``Totals`` keep what crossed the
room's boundary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from whenthen_server.demo.moistair import (
    AIR_HEAT_J_M3_K,
    VAPORISATION_J_KG,
    ZERO_CELSIUS_K,
    humidity_pct,
    mass_transfer_m_s,
    saturation_kg_m3,
    saturation_slope_kg_m3_k,
)
from whenthen_server.demo.stages import RESPIRATION_J_PER_KG_CO2, WATER_KG_PER_CO2_KG, Stage, respiration_co2_kg_s
from whenthen_server.demo.weather import Outside

STEP_S = 5.0
"""The longest step: the fastest exchange (air with walls, about 50 s) takes ten of them."""

INNER_SURFACE_W_M2_K = 7.7
"""Air to wall, convection and radiation (ISO 6946: surface resistance 0.13 m² K/W)."""

MASS_TRANSFER_M_S = mass_transfer_m_s(2.5)
"""Vapour to and from surfaces, from the convective part alone (ISO 6946: 2.5 W/(m² K) at walls)."""

FILM_LIMIT_KG_M2 = 0.05
"""Condensate that clings to a wall before it runs to the drain: chosen as 0.05 mm, where drops begin to run."""

PUDDLE_DEPTH_KG_M2 = 0.5
"""Standing water that covers the whole floor: chosen as half a millimetre; less covers a part of it."""

DRAIN_S = 1_800.0
"""Time constant of the floor's drain: chosen so that a leak of 60 kg/h stands in a puddle and is gone an hour after."""

CO2_KG_M3 = 1.84
"""Density of CO2 at 20 °C and 101,325 Pa (ideal gas: 0.04401 kg/mol over 0.02406 m³/mol)."""

DOOR_FLOW_FACTOR = 0.6 / 3.0
"""Half of an open door lets cold air out below, half warm air in above (Brown and Solvason, 1962: C/3, C = 0.6)."""

COIL_BYPASS = 0.2
"""Share of a cooler's air that passes its coil untouched (ASHRAE Handbook HVAC Systems: 0.1 to 0.3)."""

GRAVITY_M_S2 = 9.81


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """A room's size and its machines' powers; what is built and does not change."""

    id: str
    name: str
    stage: Stage
    volume_m3: float
    wall_m2: float
    floor_m2: float
    wall_heat_j_k: float
    """Walls, shelves and substrate together; wet straw alone has about 3,300 J/(kg K)."""
    conduction_w_m2_k: float
    infiltration_m3_s: float
    substrate_kg: float
    substrate_open_m2: float
    heater_w: float
    cooler_m3_s: float
    cooler_coil_c: float
    fan_m3_s: float
    humidifier_kg_s: float
    lamp_w: float
    lamp_lux: float
    daylight_share: float
    door_m2: float
    door_height_m: float

    @property
    def dry_kg(self) -> float:
        """The substrate without its water: wet straw is spawned at 65 % moisture (Stamets 1993)."""
        return 0.35 * self.substrate_kg


@dataclass(frozen=True, slots=True)
class Drive:
    """What acts on a room during a step: machines from 0 to 1, the door, and a broken pipe in kg/s."""

    heater: float = 0.0
    cooler: float = 0.0
    fan: float = 0.0
    humidifier: float = 0.0
    lamp: float = 0.0
    door_open: bool = False
    leak_kg_s: float = 0.0


IDLE = Drive()


@dataclass(frozen=True, slots=True)
class Totals:
    """What crossed the room's boundary since the start, inward positive: heat (vapour's included), water, CO2."""

    heat_j: float = 0.0
    water_kg: float = 0.0
    co2_kg: float = 0.0


@dataclass(frozen=True, slots=True)
class RoomState:
    """What a room holds: warmth of air and walls, vapour, film on walls, water in substrate and on floor, CO2."""

    air_c: float
    wall_c: float
    vapour_kg: float
    film_kg: float
    substrate_water_kg: float
    puddle_kg: float
    co2_kg: float
    totals: Totals = Totals()


@dataclass(frozen=True, slots=True)
class Climate:
    """A room's climate as a grower reads it."""

    temperature_c: float
    humidity_pct: float
    co2_ppm: float
    light_lux: float
    substrate_moisture_pct: float
    puddle_mm: float


def initial(spec: RoomSpec, temperature_c: float, humidity: float, co2_ppm: float, moisture_pct: float) -> RoomState:
    """Return a dry-walled room at one temperature."""
    return RoomState(
        air_c=temperature_c,
        wall_c=temperature_c,
        vapour_kg=humidity / 100.0 * saturation_kg_m3(temperature_c) * spec.volume_m3,
        film_kg=0.0,
        substrate_water_kg=spec.dry_kg * moisture_pct / (100.0 - moisture_pct),
        puddle_kg=0.0,
        co2_kg=co2_ppm * 1e-6 * CO2_KG_M3 * spec.volume_m3,
    )


def climate(spec: RoomSpec, state: RoomState, drive: Drive, outer: Outside) -> Climate:
    """Return the climate; light follows lamp and daylight at once."""
    return Climate(
        temperature_c=state.air_c,
        humidity_pct=humidity_pct(state.air_c, state.vapour_kg / spec.volume_m3),
        co2_ppm=state.co2_kg / (CO2_KG_M3 * spec.volume_m3) * 1e6,
        light_lux=drive.lamp * spec.lamp_lux + spec.daylight_share * outer.light_lux,
        substrate_moisture_pct=100.0 * state.substrate_water_kg / (state.substrate_water_kg + spec.dry_kg),
        puddle_mm=state.puddle_kg / spec.floor_m2,
    )


def energy_j(spec: RoomSpec, state: RoomState) -> float:
    """Return what a room stores, counted from 0 °C and liquid water: warmth of air and walls, heat in the vapour."""
    air_j = AIR_HEAT_J_M3_K * spec.volume_m3 * state.air_c
    return air_j + spec.wall_heat_j_k * state.wall_c + VAPORISATION_J_KG * state.vapour_kg


def water_kg(state: RoomState) -> float:
    """Return all water in a room: vapour, film, substrate, floor."""
    return state.vapour_kg + state.film_kg + state.substrate_water_kg + state.puddle_kg


def advance(spec: RoomSpec, state: RoomState, drive: Drive, outer: Outside, seconds: float) -> RoomState:
    """Return the room *seconds* later, under one drive and one weather, in equal steps of at most ``STEP_S``."""
    steps = max(1, math.ceil(seconds / STEP_S))
    for _ in range(steps):
        state = _step(spec, state, drive, outer, seconds / steps)
    return state


def ventilation_m3_s(spec: RoomSpec, state: RoomState, drive: Drive, outer: Outside) -> float:
    """Return the exchange with outside: leaks in the walls, the fan, and the door by the difference in warmth."""
    flow = spec.infiltration_m3_s + drive.fan * spec.fan_m3_s
    if drive.door_open:
        buoyancy = GRAVITY_M_S2 * spec.door_height_m * abs(state.air_c - outer.temperature_c)
        warmth_k = ZERO_CELSIUS_K + 0.5 * (state.air_c + outer.temperature_c)
        flow += DOOR_FLOW_FACTOR * spec.door_m2 * math.sqrt(buoyancy / warmth_k)
    return flow


def _step(spec: RoomSpec, state: RoomState, drive: Drive, outer: Outside, dt: float) -> RoomState:
    vapour = state.vapour_kg / spec.volume_m3
    vent = ventilation_m3_s(spec, state, drive, outer)
    breath = respiration_co2_kg_s(spec.stage, spec.substrate_kg, state.air_c)

    # Heat in watts. Where a flow of vapour is given beside it, its latent heat is booked further down.
    vent_w = vent * AIR_HEAT_J_M3_K * (outer.temperature_c - state.air_c)
    wall_w = INNER_SURFACE_W_M2_K * spec.wall_m2 * (state.wall_c - state.air_c)
    outer_w = spec.conduction_w_m2_k * spec.wall_m2 * (outer.temperature_c - state.wall_c)
    own_w = drive.heater * spec.heater_w + drive.lamp * spec.lamp_w + breath * RESPIRATION_J_PER_KG_CO2
    coil_m3_s = drive.cooler * spec.cooler_m3_s * (1.0 - COIL_BYPASS)
    coil_w = coil_m3_s * AIR_HEAT_J_M3_K * max(0.0, state.air_c - spec.cooler_coil_c)

    # Water in kg/s. A film that is nearly gone covers only a part of the wall, a puddle only a part of the floor, so
    # neither dries below nothing; the substrate has no such end and is limited.
    vent_in = vent * (outer.vapour_kg_m3 - vapour)
    coil_out = coil_m3_s * max(0.0, vapour - saturation_kg_m3(spec.cooler_coil_c))
    mist = drive.humidifier * spec.humidifier_kg_s
    wall_gap = saturation_kg_m3(state.wall_c) - vapour
    wall_off = MASS_TRANSFER_M_S * spec.wall_m2 * wall_gap
    if wall_off > 0.0:
        wall_off *= min(1.0, 5.0 * state.film_kg / (FILM_LIMIT_KG_M2 * spec.wall_m2))
    open_gap = max(0.0, saturation_kg_m3(state.air_c) - vapour)
    straw_off = min(MASS_TRANSFER_M_S * spec.substrate_open_m2 * open_gap, state.substrate_water_kg / dt)
    covered_m2 = spec.floor_m2 * min(1.0, state.puddle_kg / (PUDDLE_DEPTH_KG_M2 * spec.floor_m2))
    floor_off = MASS_TRANSFER_M_S * covered_m2 * open_gap
    drained = state.puddle_kg / DRAIN_S

    air_c = state.air_c + dt * (
        (vent_w + wall_w + own_w - coil_w - VAPORISATION_J_KG * (mist + straw_off + floor_off))
        / (AIR_HEAT_J_M3_K * spec.volume_m3)
    )
    wall_c = state.wall_c + dt * (outer_w - wall_w - VAPORISATION_J_KG * wall_off) / spec.wall_heat_j_k
    vapour_kg = state.vapour_kg + dt * (vent_in + mist + wall_off + straw_off + floor_off - coil_out)
    fog_kg = _fog_kg(spec, air_c, vapour_kg)
    film_kg = state.film_kg - dt * wall_off + fog_kg
    runs_off_kg = max(0.0, film_kg - FILM_LIMIT_KG_M2 * spec.wall_m2)

    out_w = vent_w + outer_w + own_w - coil_w + VAPORISATION_J_KG * (vent_in - coil_out)
    in_kg_s = vent_in + mist + drive.leak_kg_s + breath * WATER_KG_PER_CO2_KG - coil_out - drained
    co2_in = breath + vent * (outer.co2_ppm * 1e-6 * CO2_KG_M3 - state.co2_kg / spec.volume_m3)
    totals = state.totals
    return RoomState(
        air_c=air_c + VAPORISATION_J_KG * fog_kg / (AIR_HEAT_J_M3_K * spec.volume_m3),
        wall_c=wall_c,
        vapour_kg=vapour_kg - fog_kg,
        film_kg=film_kg - runs_off_kg,
        substrate_water_kg=state.substrate_water_kg + dt * (breath * WATER_KG_PER_CO2_KG - straw_off),
        puddle_kg=state.puddle_kg + dt * (drive.leak_kg_s - floor_off - drained),
        co2_kg=state.co2_kg + dt * co2_in,
        totals=Totals(
            totals.heat_j + dt * out_w, totals.water_kg + dt * in_kg_s - runs_off_kg, totals.co2_kg + dt * co2_in
        ),
    )


def _fog_kg(spec: RoomSpec, air_c: float, vapour_kg: float) -> float:
    """Return the vapour that condenses because the air cannot hold it.

    Condensing warms the air, which then holds more: one Newton step. Saturation rises faster than its tangent, so what
    is left never exceeds it.
    """
    excess = vapour_kg / spec.volume_m3 - saturation_kg_m3(air_c)
    if excess <= 0.0:
        return 0.0
    return spec.volume_m3 * excess / (1.0 + saturation_slope_kg_m3_k(air_c) * VAPORISATION_J_KG / AIR_HEAT_J_M3_K)
