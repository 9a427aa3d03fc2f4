"""Platforms: what is emitted for each, by the platforms' own tools and by the formation it repeats."""
