"""Ours against the C reference, alternately and in one run; the figures are ratios.

``fanout.c`` makes the load and checks it, ``ref_c.c`` is the physical limit: a broadcaster
that stores nothing. Both are built into ``build/bench``, which git ignores.
"""
