"""Accounts and the identifiers ever given. An identifier is given once and never again, even after its account
is gone; a state changes by a conditional update or not at all. Neighbours: passwords and sessions hang on an
account, families says what it may see, roster creates it.
"""
