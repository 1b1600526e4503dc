from tests.relying_party import parent, party, signing_key

__all__ = ["parent", "party", "signing_key"]
