"""The public pages around the journeys: portal, help, legal pages, and the end of an activation.

Owns `/`, `/aide`, `/accessibilite`, `/mentions-legales`, `/donnees-personnelles`, `/activation/terminee` and the
entries of the header. Its invariants: it changes nothing, and everything on it leads to a live page. Accounts are
`my_account`'s, services are `oidc`'s.
"""
