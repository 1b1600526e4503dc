"""What mozilla-django-oidc leaves to its reader: who the token is from and for, and who the person is."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class FamilyBackend(OIDCAuthenticationBackend):
    """Checks what the library does not, and knows a person by `sub`: addresses change hands."""

    def verify_token(self, token, **kwargs):
        """The library verifies signature, algorithm, expiry and nonce; issuer and audience are ours to check."""
        claims = super().verify_token(token, **kwargs)
        if claims.get("iss") != settings.ISSUER or claims.get("aud") != settings.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("an ID token of another provider or for another service")
        return claims

    def authenticate(self, request, **kwargs):
        """RFC 9207: an answer names its provider."""
        if request is None or request.GET.get("iss") != settings.ISSUER:
            return None
        return super().authenticate(request, **kwargs)

    def get_userinfo(self, access_token, id_token, payload):
        """OpenID Connect Core 5.3.2: userinfo of the same person, or none."""
        claims = super().get_userinfo(access_token, id_token, payload)
        if claims.get("sub") != payload["sub"]:
            raise SuspiciousOperation("userinfo of another person")
        self.request.session["children"] = payload["children"]
        return claims

    def verify_claims(self, claims):
        """The library wants an email; a parent without a confirmed one may come in too."""
        return "sub" in claims

    def filter_users_by_claims(self, claims):
        """One account a `sub`; the library's own way is the email."""
        return self.UserModel.objects.filter(username=claims["sub"])

    def get_username(self, claims):
        """43 characters, the same for ever."""
        return claims["sub"]

    def update_user(self, user, claims):
        """What the provider says now."""
        user.first_name, user.email = claims.get("name", ""), claims.get("email", "")
        user.save(update_fields=["first_name", "email"])
        return user

    def create_user(self, claims):
        """A first visit."""
        return self.update_user(super().create_user(claims), claims)


def provider_sign_out_url(request):
    """Called before the session here ends."""
    parameters = {
        "id_token_hint": request.session["oidc_id_token"],
        "post_logout_redirect_uri": f"{settings.SERVICE_URL}/",
    }
    return f"{settings.OIDC_OP_END_SESSION_ENDPOINT}?{urlencode(parameters)}"


def home(request):
    """What the service knows of the person; sign-out is a form that posts the token to /oidc/logout/."""
    if not request.user.is_authenticated:
        return JsonResponse({})
    return JsonResponse(
        {
            "sub": request.user.username,
            "name": request.user.first_name,
            "email": request.user.email,
            "children": request.session["children"],
            "csrf_token": get_token(request),
        }
    )


urlpatterns = [path("", home), path("oidc/", include("mozilla_django_oidc.urls"))]
