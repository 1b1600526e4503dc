"""What a person sees and changes of their own account, at `/compte`.

Owns the pages under `/compte` and their use cases. Its invariant: everything shown or changed belongs to the
account of the session, which is activated and signed in with its chosen password. The account is `accounts`',
children and links are `families`'; the services with access are shown by `oidc`, which owns the consents.
"""
