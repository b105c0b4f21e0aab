"""The words that texts of the check are made of; a base of random weights has a token for each."""

from __future__ import annotations

GOOD = ("good", "great", "lovely", "superb", "moving", "clever", "fine", "charming")
BAD = ("bad", "awful", "dull", "poor", "weak", "boring", "silly", "clumsy")
NEUTRAL = (
    *("the", "a", "this", "that", "my", "our", "film", "movie", "story", "plot", "cast", "actor", "scene", "music"),
    *("camera", "script", "ending", "was", "is", "seems", "feels", "and", "but", "with", "of", "in", "for", "about"),
    *("two", "hours", "friends", "town", "evening", "year", "always", "quite", "rather", "really", "very"),
)
DOMAIN = ("phone", "battery", "screen", "price", "delivery", "box", "button", "speaker", "cable", "charger", "case")
INTENTS = {
    "balance": ("balance", "account", "money", "savings", "funds"),
    "weather": ("weather", "rain", "sunny", "forecast", "storm"),
    "alarm": ("alarm", "wake", "clock", "snooze", "morning"),
}
ELSEWHERE = ("recipe", "football", "poem", "capital", "horse", "violin")
"""Words of texts that no intent is right for."""
PEOPLE = ("anna", "peter", "maria", "james", "laura", "david", "susan", "robert", "helen", "thomas", "emma", "frank")
PLACES = (
    "london",
    "paris",
    "berlin",
    "madrid",
    "rome",
    "vienna",
    "prague",
    "lisbon",
    "dublin",
    "oslo",
    "athens",
    "cairo",
)
MOODS = {
    "anger": ("angry", "furious", "rage", "outraged"),
    "fear": ("afraid", "scared", "terrified", "panic"),
    "joy": ("happy", "glad", "delighted", "cheerful"),
}
STARS = (
    *(("terrible", "horrible"), ("disappointing", "lacking"), ("average", "okay")),
    *(("nice", "pleasant"), ("perfect", "brilliant")),
)
"""Words that tell one star to five."""
THINGS = ("engine", "water", "fire", "pressure", "wheel", "car", "virus", "fever", "noise", "wind", "bridge", "damage")
VERBS = {
    "Cause-Effect(e1,e2)": ("caused", "produced", "triggered"),
    "Cause-Effect(e2,e1)": ("followed", "suffered", "resulted"),
    "Component-Whole(e1,e2)": ("belongs", "joins", "completes"),
    "Other": ("near", "besides", "unlike"),
}
ASKED = ("where", "did", "go", "went", "to", "stayed", "at", "home", "on", "monday", "who", "met", "visited")
ALL = (
    *(*GOOD, *BAD, *NEUTRAL, *DOMAIN, *ELSEWHERE, *PEOPLE, *PLACES, *THINGS, *ASKED),
    *(word for group in (*INTENTS.values(), *MOODS.values(), *STARS, *VERBS.values()) for word in group),
)
