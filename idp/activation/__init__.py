"""Activation: from the school's letter to an account of one's own.

Owns the pages under `/activation` and no table. Its invariant: each step records its proof on the server (the
letter by signing in, the birth date by the form, the mailbox by the mailed URL, the person by the chosen
password), and the last step checks all of them again; opening a URL changes nothing. It moves accounts from
`notified` to `activating` to `active`. Neighbours: letters prints what it begins with, sign_in opens its
sessions, oidc goes on with the service that the person came from.
"""
