"""The secrets a person types: provisional passwords, derived and never stored, and chosen ones, kept as Argon2id hashes. Neighbours: accounts (whose), sign_in (checks them)."""
