"""Tests of the load test: does it find what it is there to find."""
