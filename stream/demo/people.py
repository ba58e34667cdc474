"""Ten invented persons in the shape of JSONPlaceholder's /users, edited while you watch.

Pure: it is handed its draw and its time. It must not read a clock or know about HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stream.model import Item

if TYPE_CHECKING:
    from random import Random

_EDIT_S: Final = (3.0, 6.0)
_LEAVE_S: Final = (60.0, 120.0)
_AWAY_S: Final = (12.0, 25.0)
_MOST_EDITS: Final = 20
"""Edits made for one long silence; what nobody saw need not be played in full."""

_NAMES: Final = (
    ("Tamsin Okerlund", "tamsin.ok"),
    ("Bertil Quayle", "bquayle"),
    ("Ysolde Farrant", "ysolde"),
    ("Ruben Achterkamp", "rubenak"),
    ("Nerys Vandermolen", "nerysv"),
    ("Caspian Thwaite", "thwaite"),
    ("Oluchi Brandvold", "oluchi.b"),
    ("Henrike Sallowby", "henrike"),
    ("Matteus Corrigall", "corrigall"),
    ("Perpetua Lindqvister", "perpetua"),
)
_DOMAINS: Final = ("example.com", "example.org", "example.net")
_STREETS: Final = (
    "Ropewalk Lane", "Saltmarket", "Cooper's Rise", "Tannery Row", "Lower Quay", "Orchard Hill",
    "Millrace Road", "Bellfounder Street", "Larch Avenue", "Old Toll Road",
)  # fmt: skip
_CITIES: Final = (
    ("Calderby", 53.71, -1.92),
    ("Port Ellery", 44.63, -63.41),
    ("Greyhaven", 55.02, -1.63),
    ("Westmarrow", 41.88, -71.02),
    ("Sandhollow", -33.94, 151.12),
    ("Marlstone", 52.17, 4.49),
    ("Tarnfield", 59.27, 18.14),
    ("Hollin Bridge", 47.38, 8.61),
)
_COMPANIES: Final = (
    "Okerlund & Daughters", "Pellavar Retail", "Quayle Surveying", "Thwaite Bindery",
    "Northmoor Rail", "Farrant Optics", "Lanewood Timber", "Brandvold Seeds",
    "Sallowby Ceramics", "Halyard Quay Bank",
)  # fmt: skip
_MANNERS: Final = ("Patient", "Well-lit", "Hand-checked", "Two-way", "Weatherproof", "Unhurried")
_MATTERS: Final = ("planning", "logistics", "record keeping", "repairs", "delivery", "accounts")
_VERBS: Final = ("chart", "mend", "weigh", "bind", "route", "restore")
_OBJECTS: Final = ("coastal freight", "small orders", "old ledgers", "winter stock", "town maps")


class Directory:
    """The persons and their edits. An edit makes a new object; one handed out never changes."""

    def __init__(self, draw: Random, start: float) -> None:
        self._draw = draw
        self._users = {number: self._hired(number) for number in range(1, len(_NAMES) + 1)}
        self._away: int | None = None
        self._next_edit = start + draw.uniform(*_EDIT_S)
        self._next_door = start + draw.uniform(*_LEAVE_S)

    def step(self, now: float) -> None:
        """Do what is due by this time (Unix seconds)."""
        self._next_edit = max(self._next_edit, now - _MOST_EDITS * _EDIT_S[0])
        while self._next_edit <= now:
            self._edit()
            self._next_edit += self._draw.uniform(*_EDIT_S)
        if self._next_door <= now:
            self._next_door = now + self._use_door()

    def users(self) -> list[Item]:
        """Everyone who is here, by id."""
        return [user for number, user in self._users.items() if number != self._away]

    def user(self, number: int) -> Item | None:
        """One person, or None where nobody has that id or the person is away."""
        return None if number == self._away else self._users.get(number)

    def _use_door(self) -> float:
        """Let someone leave, or the one who is away return; the seconds until the next time."""
        if self._away is None:
            self._away = self._draw.choice(list(self._users))
            return self._draw.uniform(*_AWAY_S)
        self._away = None
        return self._draw.uniform(*_LEAVE_S)

    def _edit(self) -> None:
        number = self._draw.choice([number for number in self._users if number != self._away])
        before = self._users[number]
        makers: dict[str, Callable[[], Item | str]] = {
            "email": lambda: self._email(number),
            "phone": self._phone,
            "address": self._address,
            "website": lambda: self._website(number),
            "company": self._company,
        }
        field = self._draw.choice(list(makers))
        value = makers[field]()
        while value == before[field]:
            value = makers[field]()
        self._users[number] = {**before, field: value}

    def _hired(self, number: int) -> Item:
        name, username = _NAMES[number - 1]
        return {
            "id": number,
            "name": name,
            "username": username,
            "email": self._email(number),
            "address": self._address(),
            "phone": self._phone(),
            "website": self._website(number),
            "company": self._company(),
        }

    def _email(self, number: int) -> str:
        name, username = _NAMES[number - 1]
        first, last = name.lower().split()
        local = self._draw.choice((username, f"{first}.{last}", f"{first[0]}.{last}"))
        return f"{local}@{self._draw.choice(_DOMAINS)}"

    def _phone(self) -> str:
        # 555-01xx is kept free for fiction.
        return f"1-{self._draw.randint(201, 989)}-555-01{self._draw.randint(0, 99):02}"

    def _website(self, number: int) -> str:
        last = _NAMES[number - 1][0].split()[1].lower()
        return f"{self._draw.choice(('', 'www.', 'studio.', 'notes.'))}{last}.example"

    def _address(self) -> Item:
        draw = self._draw
        city, lat, lng = draw.choice(_CITIES)
        return {
            "street": draw.choice(_STREETS),
            "suite": f"{draw.choice(('Apt.', 'Suite'))} {draw.randint(1, 420)}",
            "city": city,
            "zipcode": f"{draw.randint(10000, 99999)}-{draw.randint(1000, 9999)}",
            "geo": {
                "lat": f"{lat + draw.uniform(-0.05, 0.05):.4f}",
                "lng": f"{lng + draw.uniform(-0.05, 0.05):.4f}",
            },
        }

    def _company(self) -> Item:
        draw = self._draw
        return {
            "name": draw.choice(_COMPANIES),
            "catchPhrase": f"{draw.choice(_MANNERS)} {draw.choice(_MATTERS)}",
            "bs": f"{draw.choice(_VERBS)} {draw.choice(_OBJECTS)}",
        }
