"""A school's ONDE extractions, brought into accounts, children and links. Whole or nothing: two files become one
plan, a plan one transaction, and the same files twice change nothing. It never guesses between two persons and
never takes back what a school head or a guardian ended. Neighbours: accounts names people, families keeps them,
letters prints what was created.
"""
