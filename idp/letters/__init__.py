"""The letters that a school hands out: one page a guardian, with the identifier and the provisional password.

Owns the printing and the issuing anew, and the page itself (`templates/letters/`). Invariant: a letter that exists on
disk holds a password that works, and no password is stored anywhere (ADR 0006). Neighbours: families (who receives
one), passwords (derives and issues), accounts (moves to `notified`), `shared.documents` (makes the PDF).
"""
