"""Sign-in sessions, kept on the server: who is signed in on which browser, and until when (ADR 0010).

Owns the table `account_sessions` and the cookie `idp_session`. Its invariants: the cookie's secret is stored
only as a digest and is new at each sign-in; `sid`, which services see, is another value; a session ends once
and stays ended, and ends by itself after 30 idle minutes or 8 hours. `views.py` holds the cookie and the
guards that other features' views use. Who signs in, and how, is `sign_in`'s; what ends with a session at the
services is `oidc`'s, which reads `ended_at`.
"""
