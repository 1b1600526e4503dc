"""`python -m demo`: a filled demo of both services on localhost, until Ctrl-C."""

import logging
import signal
import sys
import time
from types import FrameType
from typing import Any

from demo.catcher import Mailbox
from demo.folder import claimed
from demo.processes import Processes, check_ports_are_free
from demo.runner import Demo, running_catcher, write_demo_json
from demo.settings import DemoRefused, DemoSettings, load_settings
from shared.clock import utc_now

REFUSED_EXIT_CODE = 3
WATCH_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Fill, tell, serve, stop. Returns the exit code."""
    # SIGINT too: a shell starts what it puts in the background with SIGINT ignored.
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        run_demo(load_settings())
    except DemoRefused as refusal:
        print(f"demo: {refusal}", file=sys.stderr)
        return REFUSED_EXIT_CODE
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
    return 0


def run_demo(settings: DemoSettings) -> None:
    """One demo from its empty folder to Ctrl-C; all that it started is stopped. Raises DemoRefused."""
    started = time.monotonic()
    with claimed(settings.folder):
        check_ports_are_free(settings.ports)
        processes, mailbox = Processes(settings.folder / "logs"), Mailbox()
        print(f"Filling a demo in {settings.folder} …", file=sys.stderr)
        with running_catcher(mailbox, settings.catcher_port) as smtp_port:
            try:
                told = Demo(settings, processes, mailbox, smtp_port).fill(now=utc_now())
                write_demo_json(settings.folder, told)
                print(f"Ready after {time.monotonic() - started:.0f} s.\n", file=sys.stderr)
                print(first_steps(told), flush=True)
                while True:
                    processes.check()
                    time.sleep(WATCH_SECONDS)
            finally:
                # A second Ctrl-C must not leave programs behind.
                for number in STOP_SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
                (settings.folder / "demo.json").unlink(missing_ok=True)
                processes.stop()


def first_steps(told: dict[str, Any]) -> str:
    """What to do first."""
    letter = next(
        one for one in told["guardians"] if one["provisional_password"] and one["name"].startswith("Céline")
    )
    active = next(one for one in told["guardians"] if one["password"])
    year, month, day = letter["children"][0]["birthdate"].split("-")
    return f"""\
  Livret service     {told["livret_url"]}
  Provider           {told["issuer"]}
  Mails and SMS      {told["catcher_url"]}
  Letters to print   {told["letters_pdf"]}

First, be a parent with a letter: open the livret service, choose « Se connecter », and sign in.
  identifier {letter["identifier"]}   provisional password {letter["provisional_password"]}
  {letter["name"]} is asked when {letter["children"][0]["given_name"]} was born: {int(day)} {int(month)} {year}.
  The mail with the link arrives at {told["catcher_url"]}.

Or be one whose account is active.
  identifier {active["identifier"]}   password {active["password"]}

Operate it:  {told["commands"]["idp"]} keys status
             {told["commands"]["livret"]} --help
All of this:  {told["letters_pdf"].rpartition("/")[0]}/demo.json

Ctrl-C stops everything."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
