"""The livret scolaire service: a relying party that shows guardians the livrets of their children."""
