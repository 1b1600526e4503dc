"""What a school is told by mail."""

from idp.messaging.rules import Message

SCHOOL_TASK_TEMPLATE = "families/school_task"


def school_task(*, to: str, school_name: str, reference: str, count: int) -> Message:
    """Leaves when a school must look at something. Names no child and no guardian: a mailbox is not a register.

    count: how many things wait for this school, this one included.
    """
    return Message.mail(
        to=to,
        subject="une demande attend l’école",
        template=SCHOOL_TASK_TEMPLATE,
        variables={"school_name": school_name, "reference": reference, "count": count},
    )
