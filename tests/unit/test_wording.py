from stockops.wording import one_line, visible


def test_what_a_terminal_would_obey_is_taken_out_and_lines_stay() -> None:
    assert visible("a\x1b[31mb\x07\x9b2J\u202ec\n\td") == "a[31mb2Jc\n\td"


def test_one_line_is_one_line_and_no_longer_than_asked() -> None:
    assert one_line("  so\r\n\tit \x00goes ") == "so it goes"
    assert one_line("x" * 300, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
