"""Server-side sign-in sessions: the cookie holds a secret, the row its digest; they end once and stay ended. Neighbours: sign_in opens them, oidc asks for them."""
