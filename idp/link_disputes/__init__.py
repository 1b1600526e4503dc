"""« Je ne suis pas le représentant légal de cet élève »: a guardian gives one access back, at once.

Owns the pages `/activation/signaler` (behind the school's letter) and `/compte/enfants/<link>/signaler` (in one's own
account), and no table. Its invariant: only a link of the session's own account is frozen, only the one that was named
on the page, and nobody but the school is told. Neighbours: families freezes and tells; activation and the children's
page lead here; only the school gives the access back.
"""
