from tests.idp.oidc.place import place, serve
from tests.relying_party import offline_party, parent, party, signing_key

__all__ = ["offline_party", "parent", "party", "place", "serve", "signing_key"]
