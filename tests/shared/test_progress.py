import io

from shared.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_shows_what_is_done_the_rate_and_the_time_left() -> None:
    terminal, instants = Terminal(), iter([0.0, 2.0])
    bar = ProgressBar("importing", stream=terminal, seconds=lambda: next(instants))

    bar(500, 2000)

    assert "importing [#######" in terminal.getvalue()
    assert "500/2000  250/s  6 s left" in terminal.getvalue()


def test_a_finished_bar_ends_its_line() -> None:
    terminal, instants = Terminal(), iter([0.0, 1.0, 1.01])
    bar = ProgressBar("importing", stream=terminal, seconds=lambda: next(instants))

    bar(1, 2)
    bar(2, 2)

    assert terminal.getvalue().endswith("2/2  2/s  0 s left\n")


def test_a_bar_is_drawn_ten_times_a_second_at_most() -> None:
    terminal, instants = Terminal(), iter([0.0, 1.0, 1.01, 1.02])
    bar = ProgressBar("importing", stream=terminal, seconds=lambda: next(instants))

    for done in (1, 2, 3):
        bar(done, 10)

    assert terminal.getvalue().count("\r") == 1


def test_nothing_is_drawn_where_nobody_looks() -> None:
    stream = io.StringIO()

    ProgressBar("importing", stream=stream)(1, 2)

    assert stream.getvalue() == ""
