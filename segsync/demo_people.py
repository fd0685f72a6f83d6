"""Made-up people and companies for the demo: always the same ones, with the gaps and the dirt that real files have.

Every e-mail address ends in a domain reserved for examples, or in a free-mail domain with a name nobody has.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

PEOPLE: Final = 50_000
COMPANIES: Final = 1_500
KNOWN_PERCENT: Final = 72
"""How many of them the simulated channels know."""

AREAS: Final = ("617", "512", "503", "303", "857", "737")
"""Area codes of the people in the US."""
COUNTRIES: Final = {
    # country: share, phone prefix, cities with region and the beginning of the postal code
    "US": (
        46,
        "+1",
        (("Boston", "MA", "02"), ("Austin", "TX", "78"), ("Portland", "OR", "97"), ("Denver", "CO", "80")),
    ),
    "DE": (22, "+49", (("Berlin", "", "10"), ("Hamburg", "", "20"), ("München", "Bayern", "80"), ("Köln", "", "50"))),
    "GB": (12, "+44", (("London", "", "E1"), ("Leeds", "", "LS"), ("Bristol", "", "BS"))),
    "FR": (10, "+33", (("Paris", "", "750"), ("Lyon", "", "690"), ("Nîmes", "", "300"))),
    "ES": (6, "+34", (("Madrid", "", "280"), ("Málaga", "", "290"))),
    "JP": (4, "+81", (("Tokyo", "", "100"), ("Osaka", "", "530"))),
}
FIRST: Final = {
    "US": [
        "James",
        "Mary",
        "Robert",
        "Patricia",
        "John",
        "Jennifer",
        "Michael",
        "Linda",
        "David",
        "Elizabeth",
        "William",
        "Barbara",
        "Noah",
        "Ava",
        "Ethan",
        "Mia",
    ],
    "DE": [
        "Jürgen",
        "Anna",
        "Lukas",
        "Käthe",
        "Björn",
        "Lena",
        "Felix",
        "Sophie",
        "Günther",
        "Marie",
        "Jonas",
        "Ute",
        "Matthias",
        "Grit",
        "Sören",
        "Heike",
    ],
    "GB": [
        "Oliver",
        "Amelia",
        "George",
        "Isla",
        "Harry",
        "Poppy",
        "Alfie",
        "Freya",
        "Angus",
        "Siobhán",
        "Rhys",
        "Eilidh",
    ],
    "FR": ["Élodie", "Louis", "Chloé", "Hugo", "Zoé", "Théo", "Anaïs", "Noël", "Inès", "François", "Maëlle", "Gaël"],
    "ES": ["José", "María", "Lucía", "Ángel", "Begoña", "Iñaki", "Carmen", "Raúl", "Nuria", "Joaquín"],
    "JP": ["Yuki", "Haruto", "山田", "Sakura", "Ren", "花子", "Aoi", "Kenji"],
}
LAST: Final = {
    "US": [
        "Smith",
        "Johnson",
        "O'Neill",
        "Brown",
        "Garcia",
        "Miller",
        "Davis",
        "Wilson",
        "Nguyen",
        "Lopez",
        "Young",
        "King-Scott",
        "Adams",
        "Baker",
        "Hall",
    ],
    "DE": [
        "Müller",
        "Schmidt",
        "Weiß",
        "Fischer",
        "Größer",
        "Wagner",
        "Krämer",
        "Schäfer",
        "Köhler",
        "Lehmann",
        "Vogt",
        "Böhm",
    ],
    "GB": ["Taylor", "Davies", "MacLeod", "Evans", "Wright", "Hughes", "Fitzgerald", "Walker", "Penrose", "Singh"],
    "FR": ["Lefèvre", "Martin", "Girard", "Dubois", "Béranger", "Moreau", "Fournier", "Noël", "Guérin"],
    "ES": ["Núñez", "Ibáñez", "Romero", "Peña", "Serrano", "Ortuño", "Gallego", "Vázquez"],
    "JP": ["Sato", "Suzuki", "田中", "Watanabe", "佐藤", "Kobayashi"],
}
WOMEN: Final = frozenset(
    [
        "Mary",
        "Patricia",
        "Jennifer",
        "Linda",
        "Elizabeth",
        "Barbara",
        "Ava",
        "Mia",
        "Anna",
        "Käthe",
        "Lena",
        "Sophie",
        "Marie",
        "Ute",
        "Grit",
        "Heike",
        "Amelia",
        "Isla",
        "Poppy",
        "Freya",
        "Siobhán",
        "Eilidh",
        "Élodie",
        "Chloé",
        "Zoé",
        "Anaïs",
        "Inès",
        "Maëlle",
        "María",
        "Lucía",
        "Begoña",
        "Carmen",
        "Nuria",
        "Yuki",
        "Sakura",
        "花子",
        "Aoi",
    ]
)
INDUSTRIES: Final = (
    "Software",
    "Finance",
    "Health care",
    "Logistics",
    "Retail",
    "Energy",
    "Education",
    "Manufacturing",
)
FREE_MAIL: Final = ("gmail.com", "free-mail.example", "post.example")
WORDS: Final = [
    "blue",
    "north",
    "summit",
    "cedar",
    "harbor",
    "quartz",
    "lumen",
    "atlas",
    "willow",
    "copper",
    "meadow",
    "granite",
    "delta",
    "orchid",
    "falcon",
    "river",
]
CLEAN_FIELDS: Final = [
    "external_id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "gender",
    "birth_date",
    "city",
    "region",
    "postal_code",
    "country",
    "mobile_ad_id",
]
"""What the channels know of a person."""
PLANS: Final = ("Free", "Team", "Business", "Enterprise")
COLUMNS: Final = ["Customer ID", "Email", "Mobile", "First name", "Surname", "Gender", "Date of birth", "City", "State", "ZIP", "Country", "Company domain", "Newsletter", "Consent", "Ad personalization", "Tags", "Plan", "Last order", "Orders", "Mobile ad ID"]  # fmt: skip


@dataclass(frozen=True)
class Company:
    """A company of the demo."""

    number: int
    name: str
    domain: str
    industry: str
    employees: int
    country: str


def companies() -> list[Company]:
    """The companies, each with its own domain."""
    random = Random(11)  # noqa: S311 - made-up data, the same every time
    made = []
    for number in range(1, COMPANIES + 1):
        first, second = random.choice(WORDS), random.choice(WORDS)
        name = f"{first.title()} {second.title()} {random.choice(('Group', 'Labs', 'Systems', 'Partners', 'Works'))}"
        country = _country(random)
        size = int(10 ** random.uniform(0.8, 4.3))
        made.append(Company(number, name, f"{first}{second}{number}.example", random.choice(INDUSTRIES), size, country))
    return made


def _country(random: Random) -> str:
    return random.choices(list(COUNTRIES), [share for share, _, _ in COUNTRIES.values()])[0]


def people(today: date, how_many: int = PEOPLE) -> Iterator[dict[str, str]]:
    """Clean people by the standard field names and a few more; `known` is 'yes' for those whom the channels know."""
    random = Random(23)  # noqa: S311 - made-up data, the same every time
    employers = companies()
    for number in range(1, how_many + 1):
        yield _person(random, number, employers, today)


def _person(random: Random, number: int, employers: list[Company], today: date) -> dict[str, str]:
    country = _country(random)
    prefix, cities = COUNTRIES[country][1:]
    first, last = random.choice(FIRST[country]), random.choice(LAST[country])
    city, region, zone = random.choice(cities)
    works = _in(random, 55)
    employer = random.choice(employers) if works else None
    host = employer.domain if employer else random.choice(FREE_MAIL)
    name = f"{_plain(first)}.{_plain(last)}{number}"
    consent = random.choices(("granted", "denied", ""), (71, 9, 20))[0]
    return {
        "external_id": f"C{number:06}",
        # nobody is called this at a real provider
        "email": f"segsync.demo.{name}@{host}" if host == "gmail.com" else f"{name}@{host}",
        "phone": f"{prefix}{_local_number(random, country, number)}",
        "first_name": first,
        "last_name": last,
        "gender": "female" if first in WOMEN else "male",
        "birth_date": (today - timedelta(days=random.randint(19 * 365, 75 * 365))).isoformat(),
        "city": city,
        "region": region,
        "postal_code": _postal_code(random, country, zone),
        "country": country,
        "company_domain": employer.domain if employer else "",
        "mobile_ad_id": f"{random.getrandbits(32):08x}-0000-4000-8000-{number:012x}" if _in(random, 20) else "",
        "subscription": random.choices(("yes", "no", ""), (78, 6, 16))[0],
        "consent": consent,
        "plan": random.choices(PLANS, (50, 26, 16, 8))[0],
        "last_order": (today - timedelta(days=int(random.expovariate(1 / 120)))).isoformat(),
        "orders": str(int(random.expovariate(1 / 4))),
        "tag": random.choices(("", "webinar 2026", "vip", "trade fair"), (70, 18, 5, 7))[0],
        "known": "yes" if _in(random, KNOWN_PERCENT) else "",
    }


def _plain(name: str) -> str:
    """Letters without accents: what stands before the @."""
    text = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss"))
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum()) or "hanako"


def _local_number(random: Random, country: str, number: int) -> str:
    """Nearly everybody has a number of their own: otherwise audiences are larger at the channels than here."""
    digits = f"{random.randint(0, 9_999_999):07}"
    if country == "US":  # 555 leaves only ten thousand in each area
        return f"{AREAS[number // 10_000 % len(AREAS)]}555{number % 10_000:04}"
    starts = {"DE": "1512", "GB": "7911", "FR": "612", "ES": "612", "JP": "9012"}
    length = {"DE": 11, "GB": 10, "FR": 9, "ES": 9, "JP": 10}[country]
    return (starts[country] + digits)[:length]


def _postal_code(random: Random, country: str, zone: str) -> str:
    if country == "GB":
        return f"{zone}{random.randint(1, 9)} {random.randint(1, 9)}AB"
    if country == "JP":
        return f"{zone}-{random.randint(0, 9999):04}"
    return (zone + f"{random.randint(0, 999):03}")[:5].ljust(5, "0")


def contacts_csv(today: date, how_many: int = PEOPLE) -> bytes:
    """The file that the demo imports: the same people as `people`, as files are: gaps, several ways to write a number, broken cells."""
    random = Random(37)  # noqa: S311 - made-up data, the same every time
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for person in people(today, how_many):
        writer.writerow(_row(random, person))
    return text.getvalue().encode()


def _row(random: Random, person: dict[str, str]) -> list[str]:
    return [
        person["external_id"],
        _dirty_email(random, person["email"]),
        _dirty_phone(random, person["phone"], person["country"]),
        person["first_name"] if _in(random, 97) else "",
        person["last_name"].upper() if _in(random, 5) else person["last_name"],
        person["gender"] if _in(random, 80) else "",
        person["birth_date"] if _in(random, 50) else "",
        person["city"],
        person["region"],
        person["postal_code"] if _in(random, 85) else "",
        person["country"],
        person["company_domain"],
        person["subscription"],
        person["consent"],
        person["consent"],
        person["tag"],
        person["plan"],
        person["last_order"],
        person["orders"],
        person["mobile_ad_id"],
    ]


def _dirty_email(random: Random, email: str) -> str:
    ways = ("", email.replace("@", " at "), f"  {email.title()} ", email)
    return random.choices(ways, (6, 1, 8, 85))[0]


def _dirty_phone(random: Random, phone: str, country: str) -> str:
    local = f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}" if country == "US" else phone
    return random.choices(("", "n/a", local, phone), (34, 2, 14, 50))[0]


def _in(random: Random, percent: int) -> bool:
    """True in so many of a hundred cases."""
    return random.random() * 100 < percent


def companies_csv() -> bytes:
    """The companies as a file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["Account ID", "Company", "Website", "Industry", "Employees", "Country", "LinkedIn organization"])
    for one in companies():
        urn = f"urn:li:organization:{40_000 + one.number}" if one.number % 3 else ""
        writer.writerow(
            [f"A{one.number:05}", one.name, f"https://www.{one.domain}/", one.industry, one.employees, one.country, urn]
        )
    return text.getvalue().encode()
