"""The farm's three rooms; sizes and powers are chosen so that each can be kept in range in January and in July."""

from __future__ import annotations

from whenthen_server.demo.physics import RoomSpec
from whenthen_server.demo.stages import FRUITING, PINNING, SPAWN_RUN

# Walls: panels of 60 mm polyurethane, 0.024 W/(m K) by ISO 10456, conduct 0.4 W/(m² K); the tent's quilt 0.6.
INCUBATION = RoomSpec(
    id="incubation",
    name="Incubation room",
    stage=SPAWN_RUN,
    volume_m3=60.0,
    wall_m2=95.0,
    floor_m2=24.0,
    wall_heat_j_k=5.0e6,
    conduction_w_m2_k=0.4,
    infiltration_m3_s=0.004,
    substrate_kg=1_200.0,
    substrate_open_m2=2.0,
    heater_w=2_500.0,
    cooler_m3_s=0.3,
    cooler_coil_c=16.0,
    fan_m3_s=0.03,
    humidifier_kg_s=1.0 / 3600.0,
    lamp_w=60.0,
    lamp_lux=100.0,
    daylight_share=0.0,
    door_m2=1.8,
    door_height_m=2.0,
)

FRUITING_ROOM = RoomSpec(
    id="fruiting",
    name="Fruiting room",
    stage=FRUITING,
    volume_m3=60.0,
    wall_m2=95.0,
    floor_m2=24.0,
    wall_heat_j_k=3.0e6,
    conduction_w_m2_k=0.4,
    infiltration_m3_s=0.004,
    substrate_kg=500.0,
    substrate_open_m2=4.0,
    heater_w=3_000.0,
    cooler_m3_s=0.3,
    cooler_coil_c=8.0,
    fan_m3_s=0.1,
    humidifier_kg_s=3.0 / 3600.0,
    lamp_w=300.0,
    lamp_lux=1_300.0,
    daylight_share=0.002,
    door_m2=1.8,
    door_height_m=2.0,
)

TENT = RoomSpec(
    id="tent",
    name="Pinning tent",
    stage=PINNING,
    volume_m3=8.0,
    wall_m2=24.0,
    floor_m2=4.0,
    wall_heat_j_k=3.0e5,
    conduction_w_m2_k=0.6,
    infiltration_m3_s=0.001,
    substrate_kg=60.0,
    substrate_open_m2=1.0,
    heater_w=500.0,
    cooler_m3_s=0.12,
    cooler_coil_c=11.0,
    fan_m3_s=0.01,
    humidifier_kg_s=1.2 / 3600.0,
    lamp_w=60.0,
    lamp_lux=1_300.0,
    daylight_share=0.002,
    door_m2=0.72,
    door_height_m=1.2,
)

ROOMS = (INCUBATION, FRUITING_ROOM, TENT)
