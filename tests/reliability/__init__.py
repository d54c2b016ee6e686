"""Tests with hostile, damaged and extreme input, and with processes that are killed."""
