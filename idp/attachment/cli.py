"""`idp accounts`: what an operator does to accounts for a school, until heads do it themselves."""

import click
from flask.cli import AppGroup

from idp.attachment import service
from idp.attachment.service import MergePlan
from idp.errors import CommandRefused
from idp.families.merges import MergeNotUndone, NewerMergeFirst
from shared.clock import app_now

accounts = AppGroup("accounts", help="Give back an account that its person attached to another one.")


class UndoRefused(CommandRefused):
    """The merge cannot be undone any more, or not yet."""

    error_code = "undo_refused"


@accounts.command("undo-merge")
@click.argument("identifier")
@click.option("--apply", "is_applied", is_flag=True, help="Act; without it, only print the plan.")
def undo_merge(identifier: str, *, is_applied: bool) -> None:
    """Give the account IDENTIFIER back, which was attached to another account of the same person.

    Its children, state, password and letter are again what they were; its sessions stay ended, and what was frozen
    since stays frozen. Works for thirty days. Where the letter was in wrong hands, issue it anew afterwards.

    \b
    Examples:
      idp accounts undo-merge c.dupont2
      idp accounts undo-merge c.dupont2 --apply
    """
    now = app_now()
    plan = service.plan_undo(identifier)
    if plan is None:
        raise click.BadParameter("no attached account has this identifier", param_hint="IDENTIFIER")
    click.echo(_words(plan))
    if not is_applied:
        click.echo("Nothing done. Add --apply to act.", err=True)
        return
    try:
        service.undo_merge_for_school(plan.merge_id, now=now)
    except MergeNotUndone:
        raise UndoRefused("its thirty days are over") from None
    except NewerMergeFirst:
        raise UndoRefused("a later merge met the same child: undo that one first") from None


def _words(plan: MergePlan) -> str:
    return (
        f"give back  {plan.identifier}  from {plan.kept_identifier}, attached on {plan.merged_at:%Y-%m-%d};"
        f" can be undone until {plan.undo_until:%Y-%m-%d}; {plan.children} children"
    )
