"""Attaching: one person's other account becomes part of the one that is kept, and can be given back for thirty days.

Owns the pages under `/compte/enfants` and no table. Its invariant: nothing moves unless the same person proves both
accounts: this one by a fresh sign-in, the other by its own secret, its names and, where a letter is all there is, a
child's birth date; every proof is checked again in the transaction that moves. So no parent takes the other's account.
Links and merges are `families`', the couple is `sign_in`'s to judge.
"""
