"""Activation without a letter: by an SMS to the mobile that the school's data have.

Owns the pages under `/activation/sans-courrier` and no table. Its invariants: the message goes to the school's number
and to no other; the names decide, and where they leave a doubt nothing is sent; a match and none are answered by the
same bytes, statements and waits; birth dates are asked once the code was read, with the tries of the account's letter;
the last step checks every proof again, and ends the letter. Neighbours: one_time_codes holds the challenge, families
knows number and children; an active account recovers instead.
"""
