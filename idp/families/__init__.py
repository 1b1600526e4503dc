"""Schools, children, guardians and the links between them. Only an active link reaches a claim; every query is scoped to one account. Neighbours: roster fills it, oidc reads it."""
