"""A house with two farms, and people and keys with roles in them."""

from places.house import as_device, device, farm, member, own_key

__all__ = ["as_device", "device", "farm", "member", "own_key"]
