"""What the invented news is about: stories with holes, and the words that fill them.

Pure: it is handed its draw and its time. Every place, person and organisation in it is made up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from stream.demo.walk import EQUITIES

if TYPE_CHECKING:
    from random import Random

_CITIES: Final = (
    "Calderby", "Port Ellery", "Greyhaven", "Westmarrow", "Sandhollow", "Marlstone", "Tarnfield",
    "Hollin Bridge", "Eastlow", "Orrin Bay",
)  # fmt: skip
_FIRST: Final = (
    "Ilse", "Tobin", "Marit", "Anselm", "Odile", "Kester", "Yara", "Lorcan", "Signe", "Dorian",
    "Nadja", "Piers",
)  # fmt: skip
_LAST: Final = (
    "Averholt", "Brandreth", "Costerman", "Dunmarrow", "Eskerby", "Fennimoor", "Gallowhay",
    "Hollister-Vane", "Iversholm", "Kirkandal", "Lovatsky", "Merrowby",
)  # fmt: skip
_COMPANIES: Final = tuple(equity.name for equity in EQUITIES)
_MAKERS: Final = (
    "Davenna Mobility", "Elmquist Instruments", "Kestrel Roe Aerospace", "Marsden Fell Robotics",
    "Thornleigh Mills",
)  # fmt: skip
_CLUBS: Final = (
    "Calderby Athletic", "Port Ellery Rovers", "Greyhaven Town", "Westmarrow Albion",
    "Sandhollow Harriers", "Marlstone Wanderers", "Tarnfield City", "Eastlow Rangers",
)  # fmt: skip
_FEW: Final = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_WORDS: Final = {
    "lab": ("Westmarrow Institute", "Tarnfield Laboratory", "Orrin Research Station",
            "Calderby Polytechnic", "Greyhaven Academy"),
    "street": ("Ropewalk Lane", "Saltmarket", "Bellfounder Street", "Millrace Road", "Lower Quay",
               "Old Toll Road"),
    "month": ("January", "March", "April", "May", "June", "September", "October", "November"),
    "season": ("spring", "summer", "autumn", "winter"),
    "part": ("gearboxes", "control units", "bearings", "wiring looms", "pumps"),
    "trade": ("sensor", "packaging", "battery", "valve", "software"),
    "species": ("grey seal", "river eel", "reed warbler", "storm petrel", "sea trout"),
    "crop": ("barley", "oat", "rapeseed", "apple"),
    "ship": ("Lady Averholt", "Orrin Star", "Kestrel Bank", "Tern of Eastlow", "Blue Marlstone"),
    "catch": ("Herring", "Mackerel", "Crab", "Whiting"),
    "score": ("2-0", "2-1", "3-1", "3-2", "4-1"),
    "few": _FEW,
    "few2": _FEW,
}  # fmt: skip


class Plot(NamedTuple):
    """A story to be filled in: every ``{word}`` is drawn once and means the same throughout."""

    section: str
    title: str
    summary: str


def _plots(lines: str) -> tuple[Plot, ...]:
    return tuple(Plot(*line.split(" | ")) for line in lines.splitlines())


HEADLINES: Final = _plots("""\
business | {maker} raises full-year forecast after strong {season} orders | {maker} now expects sales to grow {pct} percent this year, {person}, its chief executive, told investors on {day}.
business | {company} to hire {many} people in {city} and {city2} | Most of the jobs are permanent and the first recruits start in {month}, the company said on {day}.
business | {maker} agrees to buy {trade} maker for ${money} million | The deal needs the approval of regulators and is expected to close in {month}.
business | {company} shares slip after cautious outlook | The shares fell {pct} percent in early trading after the company said that costs would stay high until {month}.
business | {maker} and {company} sign {few}-year agreement | Neither side gave financial details. {person}, who led the talks, called the contract the largest of its kind.
business | {maker} brings production of {part} back to {city} | The plant will employ {many} people when it reaches full output in {month}, {person} said.
business | {company} names {person} as chief executive | {person} joins from {company2} and takes over in {month}.
business | Small firms in {city} report best {season} in {few} years | A survey of {many} businesses found that orders rose {pct} percent, while hiring stayed flat.
business | {company} drops plan to leave its {city} headquarters | The company will renovate the building for ${cost} million instead and stay for at least {few} more years.
business | Rents for offices in {city} rise {pct} percent | Brokers see most demand near {street}, where hardly any space is vacant.
science | {lab} maps the journeys of the {species} | Researchers tagged {many} animals over {few} years and found that most of them follow one narrow route.
science | Battery keeps its charge after {many} cycles, {lab} reports | The cell uses no cobalt, said {person}, who leads the group. It has yet to be tested outside the laboratory.
science | Telescope near {city} records faint burst from distant galaxy | The signal lasted {few} seconds. Astronomers at the {lab} are comparing it with older recordings.
science | {lab} opens archive of river readings to everyone | The {many} records go back {few} decades and show how the water between {city} and {city2} has warmed.
science | Hedgerows linked to higher {crop} yields | Fields near {city} that kept their hedgerows produced {pct} percent more over {few} seasons, the {lab} found.
science | Sensors on {city} bridge find wear that inspectors missed | The {lab} fitted {many} sensors in {month}. The bridge is safe, but {few} joints will be replaced.
science | {lab} to build ${cost} million centre for ocean acoustics | The centre in {city} will have room for {tens} researchers and open in {month}.
science | Low-cost water filter moves to trial in {few} villages near {city} | {person} of the {lab} said that the filter needs no electricity and lasts for about {few2} years.
sport | {club} beat {club2} {score} to go top | {person} scored twice in the second half before a crowd of {crowd} on {day}.
sport | {club} and {club2} draw after late penalty | {person} levelled from the spot in stoppage time. Neither side has lost in {few} matches.
sport | {club} sign midfielder {person} on {few}-year contract | The fee was not disclosed. {person} had been with {club2} since the youth team.
sport | {person} wins {city} marathon in record time | The winner finished {tens} seconds inside the old mark on a cool and windless morning.
sport | Rain holds up {city} tennis open for second day | Organisers hope to play {few} postponed matches on {day} evening if the courts dry in time.
sport | {club} coach {person} to step down at end of season | {person} leaves after {few} years. The club hopes to name a successor by {month}.
sport | {person} takes overall lead on climb to {city} | The rider broke away {few} kilometres before the summit and now leads by {tens} seconds.
sport | {club} to add {many} seats to {street} ground | Work starts in {month} and will cost ${cost} million, the club said on {day}.
city | {city} approves {few} new bus lanes | The council expects journeys across the centre to become {pct} percent faster from {month}.
city | Tram line {digit} in {city} to reopen in {month} | The track has been renewed between {street} and the main station at a cost of ${cost} million.
city | {street} in {city} closed for {few} weeks | Water mains from the last century are being replaced. Buses take a detour until {month}.
city | {city} library to stay open until midnight | The trial runs for {few} months and starts in {month}, the city said on {day}.
city | Night market returns to {street} with {tens} stalls | {city} had paused the market since {month} while the paving was repaired.
city | {city} asks residents about plans for {street} school | The building has room for {many} pupils. Comments are welcome until the end of {month}.
city | Neighbours in {city} plant {many} trees along {street} | {person}, who organised the day, expects the first shade in {few} years.
city | {city} museum shows {few} restored maps | The maps were found in a cellar in {street} and took conservators {few2} years to clean.
city | Cycle hire in {city} grows by {pct} percent | The city will add {many} bicycles before {month}, most of them near {street}.""")  # noqa: E501
"""The plots of the NewsAPI-like desk."""

WIRE: Final = _plots("""\
shipping | {ship} docks at {city} with {many} containers | The vessel came from {city2} and sails again on {day} night.
shipping | Port of {city} handles {pct} percent more cargo | Grain and timber grew most, the port authority said on {day}.
shipping | Fallowsea Shipping adds weekly call at {city} | The first ship is due in {month} and connects the port with {city2}.
shipping | Tug {ship} enters service at {city} | The boat joins {few} others that work in the port, harbour master {person} said.
ferries | Strong winds delay ferries between {city} and {city2} | Crossings run up to {tens} minutes late. Passengers are asked to check before they travel.
ferries | Ferry {ship} back on the {city} route | The ship spent {few} weeks in dry dock and returns with a new stern ramp.
ferries | New timetable adds {few} sailings from {city} | The extra departures start in {month}, most of them in the early morning.
works | Dredging of {city} channel to finish in {month} | Ships with a deeper draught can then reach the inner basin at any tide.
works | Shore power reaches {few} more berths at {city} | Ships at these berths can switch off their engines while they load.
works | Lighthouse at {city} gets new lamp | The light will be out for {few} nights; a buoy marks the shoal meanwhile.
works | Crane renewed at {city} after {few} months | It lifts {tens} tonnes and is operated from the control room, {person} said.
fishing | {catch} landings at {city} up {pct} percent | {tens} tonnes were sold at the morning auction on {day}.
fishing | {city} fishing fleet tests quieter nets | The {lab} follows the trial of {few} boats until {month}.
weather | Fog closes {city} harbour for {few} hours | Pilots have resumed work and the waiting ships are coming in one by one.""")  # noqa: E501
"""The plots of the Harbour Wire."""

CORRECTED: Final = "An earlier version of this story contained an error, which has been put right."
FOLLOW_UPS: Final = {
    "business": (
        "Further figures are due in {month}.",
        "No further comment was available.",
        "{person}, an analyst, called the news no surprise.",
    ),
    "science": (
        "The details are to be published in {month}.",
        "A public talk about the work is planned for {month}.",
        "{person}, who was not involved, called the work careful and convincing.",
    ),
    "sport": (
        "{person} gave no interviews afterwards.",
        "The next round begins in {few} days.",
        "Tickets go on sale at the end of the week.",
    ),
    "city": (
        "The council meets again in {few} weeks.",
        "{person} said for the city that the timetable had not changed.",
        "Details are posted at the town hall.",
    ),
}
"""Sentences added later, by section; ``OTHER`` where a section has none."""
OTHER: Final = (
    "The port authority will give an update this evening.",
    "{person} said for the port that no other traffic was affected.",
    "A notice to mariners has been issued.",
)


def words(draw: Random, at: float) -> dict[str, str]:
    """One drawing of every word that a plot may use, for a story of this time (Unix seconds)."""
    drawn = {word: draw.choice(choices) for word, choices in _WORDS.items()}
    drawn["maker"] = draw.choice(_MAKERS)
    others = [company for company in _COMPANIES if company != drawn["maker"]]
    drawn["company"], drawn["company2"] = draw.sample(others, 2)
    drawn["city"], drawn["city2"] = draw.sample(_CITIES, 2)
    drawn["club"], drawn["club2"] = draw.sample(_CLUBS, 2)
    return drawn | {
        "person": person(draw),
        "digit": str(draw.randint(2, 9)),
        "tens": str(draw.randint(2, 9) * 10),
        "many": str(draw.randint(8, 96) * 10),
        "cost": str(draw.randint(2, 38)),
        "money": str(draw.randint(45, 480)),
        "crowd": f"{draw.randint(3, 28)},{draw.randint(0, 9)}00",
        "pct": f"{draw.uniform(1.2, 9.8):.1f}",
        "day": f"{datetime.fromtimestamp(at, UTC):%A}",
    }


def person(draw: Random) -> str:
    """The name of somebody who does not exist."""
    return f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"
