"""Account numbers in text: masked wherever they stand, and nothing else is."""

import pytest

from orchestration.masking import masked_number, with_masked_numbers, with_masked_runs


@pytest.mark.parametrize(
    ("number", "masked"),
    [("41000020", "XXXX0020"), ("1234567", "XXXX4567"), ("123456", "XXXX56"), ("U1", "XXXXU1")],
)
def test_the_end_of_a_number_stays(number, masked):
    assert masked_number(number) == masked


@pytest.mark.parametrize(
    ("text", "numbers", "told"),
    [
        ("41000020,VTI,41000020.001", ["41000020"], "XXXX0020,VTI,XXXX0020.001"),
        # A number that begins another is not masked inside it first.
        ("410000201 and 4100002", ["4100002", "410000201"], "XXXX0201 and XXXX0002"),
        # A short number is found only where it stands alone.
        ("123,4123.50,123", ["123"], "XXXX23,4123.50,XXXX23"),
        ("...123 and XXXX-1234 stay", ["...123", "XXXX-1234"], "...123 and XXXX-1234 stay"),
        ("XXXX0020 stays", ["XXXX0020", ""], "XXXX0020 stays"),
        ("VTI,10", [], "VTI,10"),
    ],
)
def test_numbers_in_a_sentence(text, numbers, told):
    assert with_masked_numbers(text, numbers) == told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Positions_41000020.csv", "Positions_XXXX0020.csv"),
        ("History_for_Account_X12345678.csv", "History_for_Account_XXXX5678.csv"),
        ("OfxDownload (U7000120).qfx", "OfxDownload (XXXX0120).qfx"),
        ("Nightly_Flex_20261119.xml", "Nightly_Flex_20261119.xml"),
        ("portfolio-11192026-20261119180452.csv", "portfolio-11192026-20261119180452.csv"),
        ("Joint-Positions-2026-11-19-180452.csv", "Joint-Positions-2026-11-19-180452.csv"),
    ],
)
def test_a_long_number_in_the_name_of_a_file_is_masked_and_a_day_is_not(name, told):
    assert with_masked_runs(name) == told
