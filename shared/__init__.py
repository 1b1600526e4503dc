"""What both services need and neither owns: the claims contract, settings, logging, headers, theme.

No table and no business rule. Imports neither `idp` nor `livret_service`.
"""
