"""`jejak audit …`: the log of every look at a person: its proofs, its witnesses, and who saw whom."""

from typing import Final

import typer

from jejak.cli import lazy

COMMANDS: Final = {
    "trail": "audit_trail:trail",
    "accessor": "audit_trail:accessor",
    "agency": "audit_trail:agency",
    "alerts": "audit_trail:alerts",
    "verify": "audit_verify:verify",
    "receipt": "audit_verify:receipt",
    "check-receipt": "audit_verify:check_receipt",
    "explain": "audit_explain:explain",
    "review": "emergency:review",
    "log-key": "audit_log:log_key",
    "serve": "audit_serving:serve",
    "witness": "audit_serving:witness",
}
app = typer.Typer(cls=lazy.group_of(COMMANDS), no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Prove, check and ask about looks at persons."""
