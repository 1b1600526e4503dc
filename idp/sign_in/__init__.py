"""Sign-in: a person proves who they are at `/connexion`, on behalf of a service or of the portal.

Owns no table. Its invariants: an attempt costs the same and is answered in the same words whether the
identifier exists or not (ADR 0008); it is counted before it is evaluated (ADR 0009); the authorization request
that brought the person travels in the page's address, signed and with an end (ADR 0004), so that two tabs are
two requests. It uses `passwords`, `throttling` and `sessions`; `activation` and `oidc`, which it reaches by
address only, take over where it ends.
"""
