"""`jejak audit …`: the log of every look at a person: its proofs, its witnesses, and who saw whom."""

import typer

from jejak.cli import audit_explain, audit_log, audit_serving, audit_trail, audit_verify, emergency

app = typer.Typer(no_args_is_help=True, help="The log of every look at a person: proofs, witnesses, who saw whom.")


@app.callback()
def audit() -> None:
    """Prove, check and ask about looks at persons."""


app.command()(audit_log.log_key)
app.command()(audit_serving.witness)
app.command()(audit_serving.serve)
app.command()(audit_trail.trail)
app.command()(audit_trail.accessor)
app.command()(audit_trail.agency)
app.command()(audit_trail.alerts)
app.command()(audit_verify.verify)
app.command()(audit_verify.receipt)
app.command()(audit_verify.check_receipt)
app.command()(audit_explain.explain)
app.command()(emergency.review)
