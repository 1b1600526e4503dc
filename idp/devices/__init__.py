"""Known devices: browsers that signed in to an account before, with its chosen password.

Owns the table `known_devices` and the cookie `idp_device`. Its invariants: the cookie's secret is stored nowhere, and
what is stored differs for each account, so that the accounts of one browser cannot be joined; a device is known to an
account only after a right password on it. A known device is judged by its own budget (`throttling`), so that nobody
else slows it, and its sign-in is not told by mail. It proves nothing else. Journeys that end a password forget the
devices with it.
"""
