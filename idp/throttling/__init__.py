"""What slows attempts down: growing delays, paces and quotas, never a lock (ADR 0009).

Owns the tables `throttle_counters` and `throttle_tries`. Its invariant: an attempt is counted before it is
evaluated, under one row's lock, and is either counted or told to wait; so any number of attempts at the same moment
are evaluated no more often than the limit says. Only the owner's success forgets, and only what is the owner's
alone: failures counted on a whole account or network may be an outsider's, and stay. Every limit of the product
stands in `rules.py`; callers name what they spend. `counters`, `paces` and `surges` each count one kind of limit.
"""
