"""Notices: mails that tell the holder of an account what happened to it.

Owns no table. Its invariants: a notice is written to the outbox in the transaction of what it tells; it goes to the
address that the change concerns, so that whoever takes an account over cannot silence it; it names no child, class
or school; and it carries « Ce n’est pas moi », whose secret lives beside those of the other notices. Any journey
tells; the page behind the link is `not_me`'s.
"""
