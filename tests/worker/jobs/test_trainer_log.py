"""A trainer's output becomes text for people, piece by piece, without gaps."""

from pathlib import Path

from worker.trainer_log import PIECE_BYTES, clean_text, read_last_lines, read_piece


def read_all(path: Path, *, is_live: bool) -> tuple[str, int]:
    text, offset = "", 0
    while piece := read_piece(path, offset, is_live=is_live):
        assert piece.offset == offset
        text, offset = text + piece.text, piece.end
    return text, offset


def test_terminal_control_is_taken_out() -> None:
    text = "\x1b[1;31mred\x1b[0m \x1b]0;title\x07tab\there\x00\x08 \u202eabc\n"
    assert clean_text(text) == "red tab\there abc\n"


def test_a_progress_bar_shows_its_last_state() -> None:
    assert clean_text(" 10%|#\r 50%|###\r100%|######\nnext\r\n") == "100%|######\nnext\n"


def test_an_unfinished_line_waits_while_live(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo")
    assert read_all(log, is_live=True) == ("one\n", 4)
    assert read_all(log, is_live=False) == ("one\ntwo", 7)


def test_a_long_line_is_cut_between_characters(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = "a" + "\u00e4\u20ac\U0001f600" * (PIECE_BYTES // 4)
    log.write_text(text, encoding="utf-8")
    assert read_all(log, is_live=False)[0] == text


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe ok\n" + b"\xff" * PIECE_BYTES)
    text, offset = read_all(log, is_live=False)
    assert text.startswith("\ufffd\ufffd ok\n")
    assert offset == log.stat().st_size


def test_the_last_words_begin_with_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    tail = read_last_lines(log, max_chars=30)
    assert tail == "line 997\nline 998\nline 999"
    assert read_last_lines(tmp_path / "none", max_chars=30) == ""
