"""The ``darkroom`` command: its subcommands, and how an error becomes a sentence and an exit code."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli import (
    budgets,
    catalogue,
    comparing,
    costs,
    differences,
    jobs,
    keys,
    options,
    prices,
    retention,
    submit,
)
from cli.batches import commands as batches
from cli.errors import CliError
from cli.later import later
from cli.output import Output

app = typer.Typer(
    help="A queue for generated media that never pays twice and never loses what was paid for.",
    epilog="Exit codes: 0 done; 1 the job or a check failed; 2 wrong usage or input; 3 not reachable, or "
    "not allowed; 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(jobs.app, name="jobs")
app.add_typer(batches.app, name="batch")
app.add_typer(keys.app, name="keys")
app.add_typer(catalogue.app, name="models")
app.add_typer(budgets.app, name="budgets")
app.add_typer(retention.app, name="retention")
app.command()(submit.submit)
app.command()(prices.quote)
app.command()(costs.costs)
app.command()(comparing.compare)
app.command()(costs.audit)
app.command()(differences.differences)


@app.command()
def up() -> None:
    """Run the whole stack in the foreground; what is not set is embedded."""
    raise typer.Exit(later("cli.up", "up")())


@app.command()
def demo(
    *,
    comparison: Annotated[
        bool, typer.Option("--comparison", help="Run a published comparison of both providers anew instead.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show it all on the embedded stack and the sandbox: no account, no key, no cost."""
    play = later("cli.demo.comparison", "comparison") if comparison else later("cli.demo.tour", "demo")
    raise typer.Exit(play(Output(as_json=as_json)))


@app.command()
def doctor(*, as_json: options.Json = False) -> None:
    """Check every setting and service, and say what to do."""
    raise typer.Exit(later("cli.doctor", "doctor")(Output(as_json=as_json)))


def main(arguments: Sequence[str] | None = None) -> Any:  # noqa: ANN401 - it never returns: click exits
    """Run the command line; ends the process with the exit code."""
    try:
        app(args=arguments, prog_name="darkroom")
    except CliError as error:
        Output().note(f"darkroom: {error}")
        sys.exit(error.exit_code)
