"""The OpenID Connect provider, on Authlib: clients, authorization codes, tokens, claims, discovery, sign-out.

Invariants: nothing is redirected before the client and its exact redirect URI are known; a code is redeemed by one
statement that holds every condition (client, redirect URI, challenge, time, session, account); a token works only
while its session lives and its account is active; a session that ended is told to every client that got tokens in
it, whoever ended it. Neighbours: `sign_in` shows who is there, `sessions` says whether
it still holds, `families` tells which children, `signing_keys` signs.
"""
