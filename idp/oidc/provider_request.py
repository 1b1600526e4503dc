"""The request that Authlib works on, made from parameters that were checked."""

from collections.abc import Mapping

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from idp.oidc.checks.authorization import AuthorizationRequest
from idp.oidc.service import TokensIssued


class ProviderRequest(OAuth2Request):
    """A request whose parameters are single and checked. `uri` starts with the issuer, never with the Host header.

    Authlib keeps what it finds on it; so do we: `authorization_request` on the way to a code, `issued` on the way to tokens.
    """

    authorization_request: AuthorizationRequest | None = None
    issued: TokensIssued | None = None

    def __init__(
        self, method: str, uri: str, headers: Mapping[str, str], parameters: Mapping[str, str]
    ) -> None:
        super().__init__(method, uri, headers=headers)
        self.parameters = dict(parameters)
        self.payload = BasicOAuth2Payload(self.parameters)

    @property
    def form(self) -> dict[str, str]:
        """Authlib reads proofs and codes here: from the body's parameters alone."""
        return self.parameters

    @property
    def args(self) -> dict[str, str | None]:
        """Nothing of the query string counts."""
        return {}
