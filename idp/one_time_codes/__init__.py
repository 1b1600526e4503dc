"""One-time codes: secrets sent by mail (or, later, SMS) that are good for one thing, once.

Owns the table `one_time_codes`. Its invariants: a secret is stored only as its digest, serves the purpose and
the account that it was issued for and no other, is consumed by one conditional UPDATE, and only the newest of
a purpose lives. Journeys issue them and put them in messages; nothing here knows what they confirm.
"""
