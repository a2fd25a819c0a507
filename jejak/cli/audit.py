"""`jejak audit …`: the log of every look at a person: its proofs, its witnesses, and who saw whom."""

import typer

from jejak.cli import audit_serving

app = typer.Typer(no_args_is_help=True, help="The log of every look at a person: proofs, witnesses, who saw whom.")


@app.callback()
def audit() -> None:
    """Prove, check and ask about looks at persons."""


app.command()(audit_serving.witness)
app.command()(audit_serving.serve)
