"""Bytes to upright pixels: sniffing, limits, orientation, transparency and damage."""
