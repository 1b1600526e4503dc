from tests.idp.messaging.conftest import mail_server, start_server, use_mail_server

__all__ = ["mail_server", "start_server", "use_mail_server"]
