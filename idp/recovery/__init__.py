"""Recovery: a lost identifier or password, by a channel that the account's holder confirmed.

Owns the pages `/identifiant-perdu` and `/mot-de-passe-perdu` and no table. Its invariants: every answer is the same,
and costs the same, for an account that is known, unknown, not activated or without that channel; a message goes to
the stored address or number, never to the typed one; each step leaves its proof on the server, bound to the browser
that asked, and the last step checks all of them again; nobody is signed in by it. Neighbours: one_time_codes keeps
the challenges, notices tells the holder, sign_in is where it ends.
"""
