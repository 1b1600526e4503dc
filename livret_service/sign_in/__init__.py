"""The relying party: sends a guardian's browser to the provider, verifies what comes back, keeps the session.

Owns the pending sign-in attempts and the guardians' sessions. Invariant: a session exists only after an ID token
of the configured issuer passed every check of `checks.ID_TOKEN_CHECKS`, for an attempt that this very browser began
and that is taken once; the children of a session are those of its last ID token, at most a minute old while the
provider answers. The provider may end it on a channel of its own. `livrets` asks `views.current_reader`; nothing
here knows what a livret is.
"""
