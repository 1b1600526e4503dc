"""Reading livrets: which child, which bilan, and what it says.

Owns the stored bilans, immutable and kept in versions, and the pages that show them. Invariant: a reader sees
the latest locked version of the bilans of the children that the ID token names; whatever else is asked for
answers as if it did not exist. Below `lsu_import`, which brings the bilans; above `sign_in`, which says who reads.
"""
