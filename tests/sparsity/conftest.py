"""Property tests here judge answers, never how long a busy machine took for one."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", settings.get_profile("default"), deadline=None)
settings.load_profile("unhurried")
