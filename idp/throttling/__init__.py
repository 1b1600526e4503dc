"""What slows attempts down: growing delays and quotas, never a lock (ADR 0009).

Owns the table `throttle_counters`. Its invariant: an attempt is counted before it is evaluated, by one
statement that either counts it or says that it must wait; so any number of attempts at the same moment are
evaluated no more often than the limit says. Only the owner's success forgets. Every limit of the product
stands in `rules.py`; callers name what they spend.
"""
