"""Measures, as ratios in one run: what one machine says in seconds another says otherwise, a ratio travels better.

Owns: the tables of `make bench`. Invariant: nothing is simulated; servers, files and commands are the real ones.
Neighbours: `demo` gives the running services and the invented schools.
"""
