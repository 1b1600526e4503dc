"""Passwords: the one a person chose, and the provisional one of a letter.

Owns the table `provisional_passwords`, the column `accounts.password_hash`, and every Argon2id computation,
bounded so that a flood of sign-ins cannot take all memory. Its invariants: a provisional password is derived
and never stored, dies when it is used, replaced or 90 days old, and never becomes a chosen one; a chosen one
is stored only as its hash and met every rule of `rules.PASSWORD_RULES` when it was chosen. It does not know
what a right password opens: `sign_in` does.
"""
