"""« Ce n’est pas moi »: who receives a notice that they do not recognise takes the account out of everybody's hands.

Owns the page `/ce-n-est-pas-moi` and no table. Its invariants: opening the mailed URL changes nothing, however often
and by whatever; to freeze takes the URL's secret and a second proof, which no mail scanner knows: the birth date of
the named child, or the account's password. Then, in one transaction, every session ends and the services' tokens with
them, no password signs in, channel changes of the last seven days are undone, and no device is known any more.
Neighbours: `notices` mails the URL, `accounts` undoes the changes, `recovery` and the school give the account back.
"""
