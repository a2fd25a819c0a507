"""Families and their members: invented names and numbers, sizes that fall as the decile rises.

Numbers are unique within a nation of up to seven million families. It must not know what happens to anybody.
"""

from bisect import bisect
from dataclasses import dataclass, field
from itertools import accumulate
from math import comb
from random import Random
from typing import Final

from producers.simulation.nation import Nation

# Mean size by decile: 3.9 in the lowest (BDT 2011: 3.92), slightly above 3 in the nation (domain guide 10).
MEAN_SIZE: Final = (3.9, 3.6, 3.4, 3.2, 3.1, 3.0, 2.9, 2.85, 2.8, 2.8)
_MOST_OTHERS: Final = 9
_SEED_STRIDE: Final = 1_000_003
_MALE, _FEMALE = 1, 2
_SINGLE, _MARRIED, _DIVORCED, _WIDOWED = 1, 2, 3, 4
HEAD, SPOUSE, _CHILD, _GRANDCHILD, _PARENT, OTHER = 1, 2, 3, 5, 6, 8


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MEN: Final = _words(
    "Adi Agung Agus Andi Ari Arif Bagus Bambang Bayu Budi Candra Dedi Dimas Dwi Eko Fajar Galih Hadi Hendra Heru "
    "Indra Irfan Joko Kurnia Lukman Mulyono Nugroho Pandu Rahmat Rizal Slamet Surya Teguh Tri Wahyu Yudi Yusuf Zainal"
)
_WOMEN: Final = _words(
    "Aisyah Ani Ayu Citra Desi Dewi Dian Eka Endah Fitri Hani Indah Intan Kartika Laras Lestari Lina Maya Mega Murni "
    "Nia Nur Putri Rani Ratih Ratna Rina Sari Sekar Siti Sri Sulastri Tuti Umi Wati Wulan Yanti Yuni"
)
_SECOND: Final = _words(
    "Anggraini Astuti Cahyono Firmansyah Gunawan Handayani Hartono Hidayat Kusuma Kurniawan Lestari Mahendra Maulana "
    "Nugraha Pamungkas Permana Prasetyo Pratama Purnomo Rahayu Saputra Santoso Setiawan Sucipto Susanto Utami Wibowo "
    "Wicaksono Widodo Wijaya Winarno Yulianti"
)
_STREETS: Final = _words("Mawar Melati Kenanga Cempaka Dahlia Flamboyan Anggrek Teratai Kamboja Sawo Jambu Rambutan")

# Where numbers were first issued: any kabupaten of Java, never held against the address.
_PROVINCES: Final = ("35", "33", "32", "34", "36", "31")
_PER_BLOCK, _KABUPATEN, _KECAMATAN = 600, 20, 99
_LAST_SERIAL: Final = 9_999


@dataclass(slots=True)
class Person:
    """One member; `wrong_nik` and `wrong_name` are what the first source wrote instead, or empty when it was right."""

    nik: str = field(repr=False)
    name: str = field(repr=False)
    born: tuple[int, int, int] = field(repr=False)
    sex: int
    relationship: int
    marital: int
    wrong_nik: str = field(default="", repr=False)
    wrong_name: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class Family:
    """One family; `wrong_card` is what the first source wrote instead of its KK number, or empty."""

    index: int
    card: str = field(repr=False)
    wrong_card: str = field(repr=False)
    village: str
    decile: int
    address: str = field(repr=False)
    members: list[Person] = field(repr=False)


def family(nation: Nation, index: int, rng: Random) -> Family:
    """Return the family of this number; the same for the same nation, index and state of `rng`."""
    decile = nation.decile(index)
    village = nation.villages[int(rng.random() * len(nation.villages))]
    card = card_number(village, index, nation.seed)
    wrong = card[:-1] if rng.random() < nation.rates.invalid_kk else ""
    street = _STREETS[int(rng.random() * len(_STREETS))]
    address = f"Jl. {street} No. {int(rng.random() * 150) + 1}, RT {index % 9 + 1:02}/RW {index % 7 + 1:02}"
    size = bisect(_SIZES[decile - 1], rng.random()) + 1
    members = [_member(nation, index, place, role, rng) for place, role in enumerate(_roles(size, rng))]
    return Family(index, card, wrong, village, decile, address, members)


def chance(nation: Nation, index: int) -> Random:
    """Return the chance that a family's people, and then its history, are drawn from."""
    return Random(nation.seed * _SEED_STRIDE + index)  # noqa: S311  a simulation, not a secret


def card_number(village: str, index: int, seed: int, year: int = 12) -> str:
    """Return a KK number no other index has: region, day of recording, serial. Another `year` (YY) is another card.

    Nations of up to a million families with different seeds below 336 share no card: they can live in one registry.
    """
    serial, epoch = index % _LAST_SERIAL, index // _LAST_SERIAL
    day = (serial * 37 + epoch + seed * 101) % 336
    return f"{village[:8].replace('.', '')}{day % 28 + 1:02}{day // 28 + 1:02}{year + epoch // 336:02}{serial + 1:04}"


def national_id(index: int, place: int, born: tuple[int, int, int], sex: int) -> str:
    """Return a NIK that no other member of the nation has: first registration, birth (women's day plus 40), serial."""
    block, within = divmod(index, _PER_BLOCK)
    kabupaten, rest = block % _KABUPATEN + 1, block // _KABUPATEN
    province = _PROVINCES[rest // _KECAMATAN % len(_PROVINCES)]
    year, month, day = born
    stated = day + 40 * (sex == _FEMALE)
    prefix = f"{province}{kabupaten:02}{rest % _KECAMATAN + 1:02}"
    return f"{prefix}{stated:02}{month:02}{year % 100:02}{within * 16 + place + 1:04}"


def _size_table(mean: float) -> list[float]:
    """Return the cumulative shares of sizes 1, 2, ...: one and a binomial number of others, with this mean."""
    p = (mean - 1) / _MOST_OTHERS
    return list(accumulate(comb(_MOST_OTHERS, k) * p**k * (1 - p) ** (_MOST_OTHERS - k) for k in range(_MOST_OTHERS)))


_SIZES: Final = tuple(_size_table(mean) for mean in MEAN_SIZE)


def _roles(size: int, rng: Random) -> list[int]:
    roles = [HEAD]
    if size > 1 and rng.random() < 0.85:  # noqa: PLR2004  a plausible share of couples
        roles.append(SPOUSE)
    for _ in range(size - len(roles)):
        u = rng.random()
        roles.append(_CHILD if u < 0.86 else _PARENT if u < 0.93 else _GRANDCHILD if u < 0.97 else OTHER)  # noqa: PLR2004  idem
    return roles


_AGES: Final = {HEAD: (24, 45), SPOUSE: (22, 40), _CHILD: (0, 24), _GRANDCHILD: (0, 8), _PARENT: (58, 28)}


def _member(nation: Nation, index: int, place: int, role: int, rng: Random) -> Person:
    low, span = _AGES.get(role, (18, 50))
    age = low + int(rng.random() * span)
    sex = _sex(role, rng)
    born = (nation.start_year - age - 1, int(rng.random() * 12) + 1, int(rng.random() * 28) + 1)
    names = _MEN if sex == _MALE else _WOMEN
    first = names[int(rng.random() * len(names))]
    name = f"{first} {_SECOND[int(rng.random() * len(_SECOND))]}"
    if rng.random() < nation.rates.odd_name:
        name = f"{name}, S.Pd."
    stated = born if rng.random() >= nation.rates.birth_mismatch else (born[0], born[1] % 12 + 1, born[2])
    person = Person(national_id(index, place, stated, sex), name, born, sex, role, _marital(role, age, rng))
    _write_wrongly(person, nation, rng)
    return person


def _sex(role: int, rng: Random) -> int:
    """Return a sex; spouses are mostly women because heads mostly are men, the whole near 50.5/49.5."""
    share_of_men = {HEAD: 0.84, SPOUSE: 0.03}.get(role, 0.52)
    return _MALE if rng.random() < share_of_men else _FEMALE


def _marital(role: int, age: int, rng: Random) -> int:
    u = rng.random()
    if role == SPOUSE:
        return _MARRIED
    if role == HEAD:
        return _MARRIED if u < 0.85 else _WIDOWED if u < 0.93 else _DIVORCED  # noqa: PLR2004  plausible shares
    if role == _PARENT:
        return _WIDOWED if u < 0.6 else _MARRIED  # noqa: PLR2004  idem
    return _SINGLE if age < 22 or u < 0.9 else _DIVORCED  # noqa: PLR2004  idem


def _write_wrongly(person: Person, nation: Nation, rng: Random) -> None:
    """Let the first source write a NIK of 15 digits, without its serial or with an impossible month, or no name."""
    u = rng.random()
    if u < nation.rates.invalid_nik:
        nik = person.nik
        kinds = (nik[:-1], f"{nik[:-4]}0000", f"{nik[:8]}13{nik[10:]}")
        person.wrong_nik = kinds[int(u / nation.rates.invalid_nik * len(kinds))]
    elif u < nation.rates.invalid_nik + nation.rates.blank_name:
        person.wrong_name = ""
