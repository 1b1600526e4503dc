"""The OpenID Connect provider, on Authlib: clients, consents, authorization codes, tokens, discovery, sign-out.

Invariants: nothing is redirected before the client and its exact redirect URI are known; a code is redeemed by one
statement that holds every condition (client, redirect URI, challenge, time, session, account, consent); a token works
only while its session lives, its account is active and its person's consent holds; a session that ended is told to every client that got tokens in
it, whoever ended it. Neighbours: `sign_in` shows who is there, `sessions` says whether
it still holds, `families` tells which children, `signing_keys` signs.
"""
