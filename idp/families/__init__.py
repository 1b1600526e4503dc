"""Schools, children, guardians and the links between them. Only an active link reaches a claim, and every read
is scoped to one account: nothing here tells one guardian of another. Neighbours: roster fills it, activation and
oidc read it.
"""
