"""`jejak audit …`: the log of every look at a person: its proofs, its witnesses, and who saw whom."""

import typer

app = typer.Typer(no_args_is_help=True, help="The log of every look at a person: proofs, witnesses, who saw whom.")


@app.callback()
def audit() -> None:
    """Prove, check and ask about looks at persons."""
