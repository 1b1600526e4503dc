"""The provider's signing keys: published before they sign, verifying after, sealed at rest (ADR 0012). Neighbour: oidc signs with the active one."""
