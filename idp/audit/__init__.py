"""The journal: what happened to an account, when, and nothing about who the person is.

Owns the table `audit_entries`. Its invariants: an entry is written in the transaction of what it tells, is never
changed, and holds only identifiers, numbers, instants and words of closed lists, so that no personal datum can
enter it. Every feature declares its own events in its `rules.py`; nothing here knows them.
"""
