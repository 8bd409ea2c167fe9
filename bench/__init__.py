"""Each bar of speed, measured: ours against a reference, alternately and in one run.

``fanout.c`` makes the load and checks it, ``ref_c.c`` is the physical limit: a broadcaster
that stores nothing. Both are built into ``build/bench``, which git ignores.
"""
