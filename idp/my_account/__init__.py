"""« Mon compte »: what a person sees of their own account and changes in it, a page a module (ADR 0030).

Owns no table. Its invariants: every use case is for the account of the session and no other; what changes who holds
the account asks for a password typed within ten minutes, ends the other sessions with their tokens and all that was
begun before, and tells the channel that was in force; a new address or number is in force only once its own mailbox
or telephone has answered. Channels and their changes are `accounts`', children `attachment`'s, services `oidc`'s,
« Ce n’est pas moi » `not_me`'s; it stands above them all, for closing takes back what each of them keeps.
"""
