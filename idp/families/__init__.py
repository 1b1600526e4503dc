"""Schools, children, guardians, the links between them, and what a school must look at. Only an active link reaches
a claim, and every read is scoped to one account: nothing here tells one guardian of another. What a guardian reports
is frozen at once, and only the school gives it back. Neighbours: roster fills it, activation and oidc read it.
"""
