from stockops.wording import one_line, visible


def test_visible_removes_control_characters_and_keeps_line_breaks() -> None:
    assert visible("a\x1b[31mb\x07\x9b2J\u202ec\n\td") == "a[31mb2Jc\n\td"


def test_one_line_collapses_whitespace_and_truncates() -> None:
    assert one_line("  so\r\n\tit \x00goes ") == "so it goes"
    assert one_line("x" * 300, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
