"""Signing keys: their states, their private halves sealed at rest, the dated plan of their rotation, and their end.

Invariant: at most one key of an algorithm is `active`, only an active key signs, and a key becomes active when every
cache of the key set holds it (or in an emergency); a private key lies in the database only as AES-256-GCM under the
key-encryption key, bound to its `kid`, and is erased when the key signs no more. `oidc` signs with `active_key()`,
publishes `public_jwks()` and tells who reads them; nothing else reads these tables.
"""
