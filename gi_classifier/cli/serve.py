"""The command serve: answer over HTTP, with a page for browsers."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from gi_classifier.cli.options import ModelOption
from gi_classifier.cli.outputs import notes
from gi_classifier.display import shown
from gi_classifier.extras import check_installed

_NEEDED = ("fastapi", "uvicorn", "prometheus_client")


def serve(
    model: ModelOption = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST", help="Where to listen; beyond this machine only with --token-file."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=65535, help="0 takes any that is free.")
    ] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A file that only you can read, with the token to ask for."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="Threads to predict with; without, one for each usable processor.",
        ),
    ] = None,
    max_queue: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=512, help="Texts that may wait; beyond, requests get 503."
        ),
    ] = 4096,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Another origin whose pages may ask; may be repeated."),
    ] = None,
) -> None:
    """Answer over HTTP: predictions, explanations, keywords, and a page for browsers."""
    check_installed("The service", _NEEDED, "server")
    from gi_classifier.server.application import create_application
    from gi_classifier.server.limits import Limits
    from gi_classifier.server.run import listening
    from gi_classifier.server.run import serve as serve_until_stopped
    from gi_classifier.server.service import Service
    from gi_classifier.server.token import is_loopback, read_token

    token = read_token(token_file) if token_file else None
    if token is None and not is_loopback(host):
        raise typer.BadParameter(
            f"--host {shown(host)} can be reached from other machines: give --token-file as well. "
            "Make one with: (umask 077; openssl rand -hex 32 > token)"
        )
    listener = listening(host, port)
    with listener:
        service = Service.open(model, threads=threads)
        service.warm()
        limits = Limits(queue=max_queue)
        application = create_application(
            service, token=token, origins=allow_origin or (), limits=limits
        )
        _log_to_standard_error()
        where = f"[{host}]" if ":" in host else host
        notes.print(
            f"Serving the model {service.directory.digest[:12]} at "
            f"http://{where}:{listener.getsockname()[1]}/ until Ctrl-C."
        )
        serve_until_stopped(application, listener, limits)


def _log_to_standard_error() -> None:
    """Lines of when, how grave, what; never a text, an address or a header."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Of others warnings alone: fontTools, say, tells every character that a page shows.
    logging.getLogger("gi_classifier").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
