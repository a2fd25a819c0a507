"""Ground checks as field workers send them: the form made from the questionnaire, and submissions read back."""
