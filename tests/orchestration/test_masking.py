"""Account numbers in text: masked wherever they stand, and nothing else is."""

import pytest

from orchestration.masking import masked_number, with_masked_numbers


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
