"""The readings of numbers and the like: the usual ones are among them, the normaliser's comes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechgru.text import normalise
from speechgru.text.readings import MOST, readings


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("347", "three hundred and forty seven|three hundred forty seven|three forty seven|three four seven"),
        (
            "2016",
            "twenty sixteen|two thousand and sixteen|two thousand sixteen|two zero one six|two oh one six",
        ),
        ("1905,", "nineteen oh five|nineteen hundred and five|nineteen hundred five|one nine zero five"),
        ("2005", "two thousand five|two thousand and five|twenty oh five"),
        ("1500", "fifteen hundred|one thousand five hundred"),
        ("100", "one hundred|a hundred"),
        ("007", "zero zero seven|oh oh seven|double oh seven"),
        ("10115", "one zero one one five|one oh one fifteen"),
        ("555-0123", "five five five zero one two three|five five five oh one two three"),
        ("$5.50.", "five dollars and fifty cents|five dollars fifty|five fifty|five dollars fifty cents"),
        ("£1,200", "one thousand two hundred pounds|twelve hundred pounds"),
        ("$5", "five dollars|five bucks"),
        ("3:45", "three forty five|quarter to four|a quarter to four"),
        ("15:30", "fifteen thirty|three thirty|half past three"),
        ("9:00", "nine|nine o'clock|nine hundred hours"),
        ("10am", "ten am|ten a m"),
        (
            "5/6/2016",
            "may sixth twenty sixteen|the fifth of june two thousand and sixteen|five six twenty sixteen",
        ),
        ("2016-05-06", "may sixth twenty sixteen"),
        ("21st", "twenty first|the twenty first"),
        ("'90s", "nineties"),
        ("1990s", "nineteen nineties"),
        ("25%", "twenty five percent|twenty five per cent"),
        ("3.14", "three point one four|three point fourteen"),
        ("0.5", "zero point five|point five|a half"),
        ("½", "a half|one half"),
        ("3/4", "three quarters|three fourths|three over four"),
        ("1½", "one and a half"),
        ("10-20", "ten to twenty|ten twenty"),
        ("-5", "minus five|negative five"),
        ("#1", "number one|one"),
        ("221B", "two twenty one b|two two one b"),
        ("5km", "five kilometers"),
        ("Mr.", "mr|mister"),
        ("St.", "saint|street"),
        ("FBI", "fbi|f b i"),
        ("VIII", "eight|the eighth"),
        ("&", "and|plus"),
    ],
)
def test_the_usual_readings_are_among_them(written: str, spoken: str) -> None:
    every = readings(written, normalise(written))
    assert every[0] == normalise(written)
    assert set(spoken.split("|")) <= set(every)


@pytest.mark.parametrize(("before", "behind"), [("May", ""), ("Sept.", "2016"), ("", "June")])
def test_a_day_beside_a_month_may_be_an_ordinal(before: str, behind: str) -> None:
    assert "the sixth" in readings("6,", "six", before, behind)
    assert ("the sixth of" in readings("6", "six", before, behind)) == (behind == "June")
    assert readings("6,", "six", "the", "cats") == ("six",)


@pytest.mark.parametrize("word", ["cat", "O’Neill", "don't", "Hello,", "a", "I", "well-known"])
def test_a_word_has_one_reading(word: str) -> None:
    assert readings(word, normalise(word)) == (normalise(word),)


_TOKEN = st.text(alphabet="abIXVm0123456789$£%#&.,:/'’-–½°é", min_size=1, max_size=14)


@given(_TOKEN)
def test_they_are_few_different_and_in_the_characters_of_the_normaliser(written: str) -> None:
    spoken = normalise(written)
    every = readings(written, spoken)
    assert len(set(every)) == len(every) <= MOST
    assert not spoken or every[0] == spoken
    assert all(reading == normalise(reading) for reading in every)
