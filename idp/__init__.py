"""The OpenID provider: accounts of school families, their links to children, and the protocol that tells services."""
