"""What is asked of a request before anything is done: one small function a rule, its docstring the clause.

`parameters` looks at raw values, `authorization` at an authorization request, `sign_in` at who is there, `token` at a
token request. The order is in `idp/oidc/provider.py`, one tuple an endpoint.
"""
