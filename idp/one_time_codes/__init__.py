"""One-time codes: secrets sent by mail or SMS that are good for one thing, once.

Owns the tables `one_time_codes` (secrets inside mailed URLs), `code_challenges` and `numeric_codes` (six digits
that a person types). Its invariants: a secret is stored only as its digest, serves the purpose and the account
that it was issued for and no other, and is consumed by one conditional UPDATE; only the newest URL of a purpose
lives, unless its purpose keeps the older ones. Six digits prove something only in the browser that asked for them,
within five tries in all. Journeys issue them and put them in messages; nothing here knows what they confirm.
"""
