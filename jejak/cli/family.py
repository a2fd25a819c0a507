"""`jejak family …` as a whole: the looks of `read`, and the commands that have a module of their own."""

from jejak.cli.emergency import emergency
from jejak.cli.read import family as app
from jejak.cli.why import why

app.command("emergency")(emergency)
app.command("why")(why)
