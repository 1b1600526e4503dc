from tests.idp.oidc.place import place
from tests.relying_party import offline_party, parent, party, signing_key

__all__ = ["offline_party", "parent", "party", "place", "signing_key"]
