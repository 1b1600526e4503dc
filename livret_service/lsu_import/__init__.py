"""Reading LSU files of the first degree, and storing their bilans.

Owns the format: its safe parsing, its structure, the checks that no schema can make, and the words of
the file, which are translated here once. Invariant: one file is one transaction, and what is written by
a guardian's name (`responsables`) never gets past the reading. Above `livrets`, which stores the bilans.
"""
