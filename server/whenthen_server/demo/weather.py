"""The weather outside: a pure function of a seed and an instant.

Season and time of day are cosines; on top lies smooth noise (``chance``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from whenthen import from_us
from whenthen_server.demo.chance import smooth_noise
from whenthen_server.demo.moistair import saturation_kg_m3

OUTSIDE_CO2_PPM = 420.0
"""Global mean of 2023 (NOAA Global Monitoring Laboratory: 419.3 ppm)."""

FULL_SUN_LUX = 110_000.0
"""Horizontal illuminance under a clear sky with the sun at the zenith (IES Lighting Handbook: 100 to 130 klx)."""

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


@dataclass(frozen=True, slots=True)
class Region:
    """A place's weather in a few numbers; angles in degrees, temperatures in °C.

    The defaults are chosen so that means come near those of Uccle, Belgium, 1991 to 2020 (Royal Meteorological
    Institute: year 11.0, January 3.7, July 18.7 °C); the daily swing and the noise are chosen so that July
    afternoons reach 25 to 32 °C and January nights fall to -8 °C.
    """

    latitude_deg: float = 50.8
    longitude_deg: float = 4.4
    mean_c: float = 11.0
    season_swing_c: float = 7.5
    day_swing_c: float = 4.5
    noise_c: float = 4.0
    dew_point_below_mean_c: float = 2.5


BELGIUM = Region()


@dataclass(frozen=True, slots=True)
class Outside:
    """The air and the light outside at one instant."""

    temperature_c: float
    vapour_kg_m3: float
    light_lux: float
    co2_ppm: float = OUTSIDE_CO2_PPM


def outside(region: Region, seed: int, at_us: int) -> Outside:
    """Return the weather at *at_us* (microseconds since the epoch).

    The coldest day is 20 January, the coldest hour 3 a.m. of the sun's time; air masses change over days and gusts over
    an hour. The dew point follows the day's mean, not the hour, and is never above the air's own temperature.
    """
    moment = from_us(at_us)
    day = moment.timetuple().tm_yday
    sun_hour = (at_us % _DAY_US) / _HOUR_US + region.longitude_deg / 15.0
    season = -math.cos(2.0 * math.pi * (day - 20) / 365.25)
    mass_c = region.noise_c * smooth_noise(seed, "mass", at_us, 2 * _DAY_US)
    mean_c = region.mean_c + region.season_swing_c * season + mass_c
    gust_c = 0.1 * region.noise_c * smooth_noise(seed, "gust", at_us, _HOUR_US)
    temperature_c = mean_c - region.day_swing_c * math.cos(2.0 * math.pi * (sun_hour - 3.0) / 24.0) + gust_c
    dryness_c = region.dew_point_below_mean_c * (1.0 + 0.8 * smooth_noise(seed, "dry", at_us, _DAY_US))
    dew_point_c = min(mean_c - dryness_c, temperature_c)
    # At the dew point the vapour saturates; that it thins a little as it warms up to the air is left out.
    vapour_kg_m3 = min(saturation_kg_m3(dew_point_c), saturation_kg_m3(temperature_c))
    return Outside(temperature_c, vapour_kg_m3, _daylight_lux(region, seed, at_us, day, sun_hour))


def _daylight_lux(region: Region, seed: int, at_us: int, day: int, sun_hour: float) -> float:
    """Return the light outside: the sun's height (declination by Cooper, 1969) under passing clouds."""
    declination = math.radians(23.45) * math.sin(2.0 * math.pi * (284 + day) / 365.0)
    latitude = math.radians(region.latitude_deg)
    turned = math.pi * (sun_hour - 12.0) / 12.0
    height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(declination) * math.cos(turned)
    clouds = 0.6 + 0.4 * smooth_noise(seed, "cloud", at_us, 2 * _HOUR_US)
    return FULL_SUN_LUX * max(0.0, height) * clouds
