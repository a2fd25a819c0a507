"""One invented person in each exported file, another one for each recipient: whoever shows it has that file.

Made of the mark key and the request alone. It stands in no state, event, sum or payment, and is no person: a serial of
9,000 or more is given to nobody. Must not know what else is in the file.
"""

from typing import Any, Final

from identity.export_mark import MarkKey

_FIRST: Final = ("Sumarni", "Wagiman", "Rukayah", "Paijo", "Siti Maimunah", "Suparman", "Tumini", "Ngatiran")
_MIDDLE: Final = ("Wiro", "Dewi", "Nur", "Adi", "Sri", "Joyo", "Kus", "Har")
_LAST: Final = ("tanojo", "ningrum", "widagdo", "lestaryo", "sumpono", "hadikin", "pujowati", "kusnandar")
_STREET: Final = ("Jl. Melati Dalam", "Jl. Sumber Lor", "Dsn. Krajan Kidul", "Jl. Pandan Barat", "Gg. Kenari Timur")
_FEMALE_DAY: Final = 40
_SERIAL_FROM, _SERIALS = 9_000, 1_000
_BIRTH_FROM, _BIRTHS = 1955, 45


class Honey:
    """The invented person of one request's file."""

    def __init__(self, key: MarkKey, request_id: str, region_code: str) -> None:
        def draw(what: str, below: int) -> int:
            return key.draw(request_id, what, below)

        self._region = region_code
        place = (region_code.replace(".", "") + "010101")[:6]
        day, month, year = 1 + draw("day", 28), 1 + draw("month", 12), _BIRTH_FROM + draw("year", _BIRTHS)
        female = draw("sex", 2)
        written = day + _FEMALE_DAY * female
        serial = _SERIAL_FROM + draw("serial", _SERIALS)
        self.nik = f"{place}{written:02d}{month:02d}{year % 100:02d}{serial:04d}"
        self.card = f"{place}{1 + draw('card day', 28):02d}{1 + draw('card month', 12):02d}15{serial:04d}"
        names = (_FIRST[draw("first", 8)], _MIDDLE[draw("middle", 8)] + _LAST[draw("last", 8)])
        self.name = " ".join(names).upper()
        self._birth = (year, month, day)
        self._street = f"{_STREET[draw('street', 5)]} No. {1 + draw('house', 180)}"
        self._telephone = f"0812{draw('telephone', 10**8):08d}"
        self._sex = 1 + female
        self._decile = 1 + draw("decile", 5)

    def row(self, fields: tuple[str, ...]) -> dict[str, Any]:
        """Return the person's row as the door would show these fields, masked as it masks."""
        year, month, day = self._birth
        return {
            "region": self._region,
            "status": "AKTIF",
            "decile": self._decile,
            "proposals": [],
            "eligibility": [],
            "standing": "CONFIRMED",
            "padan": "PADAN",
            "birth_year": year,
            "birth_month": month,
            "sex": self._sex,
            "relationship": 1,
            "name": self.name,
            "birth_day": f"{day:02d}",
            "address_line": self._street,
            "national_id": _shown(self.nik, clear="member.national_id.clear" in fields),
            "card_number": _shown(self.card, clear="card_number.clear" in fields),
            "telephone": _shown(self._telephone, clear="telephone.clear" in fields),
        }

    def in_text(self, text: str) -> bool:
        """Tell whether a text shows this person: by name or by number."""
        return any(shown in text.upper() for shown in (self.name, self.nik, self.card))


def _shown(number: str, *, clear: bool) -> str:
    hidden = len(number) - 4
    return number if clear else "*" * hidden + number[hidden:]
