from tests.relying_party import offline_party, parent, party, signing_key

__all__ = ["offline_party", "parent", "party", "signing_key"]
