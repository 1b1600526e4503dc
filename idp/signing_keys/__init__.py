"""Signing keys: their states, their private halves sealed at rest, and the plan of their rotation.

Invariant: at most one key is `active`, and only an active key signs; a private key lies in the database only as
AES-256-GCM under the key-encryption key, bound to its `kid`. `oidc` signs with `active_key()` and publishes
`public_jwks()`; nothing else reads these tables.
"""
