"""Puts the rooms of the audit trail together: sequencer, witness, auditor, trail. Holds no rule of theirs."""
