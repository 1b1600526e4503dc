"""Messages to people: the outbox, and the worker that delivers it.

Owns the table `outbox_message` and the only doors to SMTP (and, later, SMS). Its invariant: a message is
written in the same transaction as what it announces, is delivered at least once with the same Message-ID,
and its words are sealed while they wait and erased once they are delivered or given up. Features above
write messages (`messages.py`) and enqueue them; nothing here knows who they are about.
"""
