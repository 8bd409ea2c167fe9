"""Tests of the client: with a scripted server in memory, and as a program with the real one."""
