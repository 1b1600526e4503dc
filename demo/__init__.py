"""A whole installation with invented people, on one machine, for whoever wants to see the product or test it.

Owns: the invented schools, the mail and SMS catcher, the processes of a demo. Invariant: everything enters by the
services' own commands and pages, never by their tables; everything started is stopped. Neighbours: the `idp` and
`livret` commands.
"""
