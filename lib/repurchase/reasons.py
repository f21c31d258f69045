"""Why a figure is missing or must be read with care: one list of sentences.

A record keeps the English sentence, so that other programs can read it; a reader gets it in the
pack's language, found again by its template.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from typing import TYPE_CHECKING

from repurchase.words import N_

if TYPE_CHECKING:
    from repurchase.words import Words

NOBODY = N_("nobody to count in the period")
NOBODY_JOINED = N_("nobody joined from {first} to {last}")
NOBODY_THEN = N_("nobody to count in the comparison window")
ONE_CUSTOMER = N_("one customer alone has no interval")
TOO_FEW = N_("fewer than {fewest} customers in one of the two windows")
NO_VARIATION = N_("no variation among customers, so no interval")
BEGINS_LATER = N_("the data begin on {day}, after the comparison window begins")
NO_EARLIER = N_("the data begin on {day}: there is no earlier order to return from")
IN_ACTIVITY_WINDOW = N_("the data begin on {day}, within the activity window of {months} months")
NOT_RIPE = N_("the data begin on {day}: no first order is {days} days old")
COHORT_NOT_FULL = N_(
    "the data begin on {day}: the comparison's first orders do not fill {months} months"
)
SHORT_HISTORY = N_("only {months} months of history: the share rises with its length alone")
ALL_HISTORY = N_("counts all history: the share rises with its length alone")
MAYBE_OLDER = N_("some first orders may be returns of customers older than the data")
PARTIAL = N_("the period has run {done} of {days} days")
MOVED_EVERYWHERE = N_("no store or channel has kept its identified share")
NO_MONEY = N_("no amount is mapped in the orders")
NOT_YET = N_("the window has not ended")
NOT_OTHERWISE = N_("nothing is counted otherwise than in the printed figure")
ONLY_YEAR_AGO = N_("the calendar is aligned with a year ago only")
NO_CUSTOMER_KINDS = N_("the customer file does not tell people from companies")
NO_STORE_DATES = N_("no store has an opening date")
NEGATIVE_MONEY = N_("more was returned than bought in one of the parts")
ONE_LABEL = N_("all buyers are of one kind")
MARGIN_UNKNOWN = N_("the margin is known for fewer than 99% of the order dates")
TOO_SHORT_TO_TEST = N_("the data begin on {day}: a test needs {days} days")
NOBODY_WITHHELD = N_("fewer than {fewest} were on the lists or withheld from them by chance")
NOT_WITHHELD = N_("{count} of those counted as withheld were on the lists that came back")
WITHHELD = N_("a check of the experiment failed, so no difference is told")
NOT_RIPE_YET = N_("no unit has had its {days} days yet")
NO_SPREAD = N_("no unit differs from another")
LOOKED_EARLY = N_("read before the planned end, by an interval that holds at every look")
ARMS_INFERRED = N_("the arms are inferred from what was sent or from tags, not from a log")
MONEY_UNKNOWN = N_("it is not known of {count} of {buyers} customers who bought something")
MONEY_LEFT_OUT = N_(
    "without {count} of {buyers} customers who bought something of which it is not known"
)
FEW_TESTS = N_("fewer than {fewest} tests of this figure over these days")
NOBODY_ADOPTED = N_("no test was adopted in the twelve months")
NO_TABLE = N_("the profile names no source for {table}")
NO_MARGIN = N_("no margin and no cost of the lines is mapped")
PART_MARGIN = N_("the margin is known of only {share}% of the order dates")
TOO_SHORT_FOR_STAGES = N_("the data begin on {day}, less than three months before the period")
FEW_REPEATERS = N_("fewer than {fewest} customers have ordered twice, or nobody three times")
NO_COST_OF = N_("there is no cost of one of these categories: {categories}")
COSTS_TOO_SHORT = N_("the costs begin on {day}, after the twelve months that are divided")
NO_PAIRS = N_("no pair of products is in {fewest} baskets")
BEFORE_UNKNOWN = N_("the data begin too late to say who left in the previous period")
NO_FIRST_YEAR = N_("no group of customers has {fewest} who have had a whole year")
NO_CATEGORY = N_("no product has a category")
NO_LAUNCH = N_("no product has a launch date")
FEW_TO_SCORE = N_("fewer than {fewest} active customers to score")
NOBODY_REACHED = N_("nobody has reached order date {rank} in the window")
FEW_CAME_BACK = N_("fewer than {fewest} were seen to come back")
NO_RHYTHM = N_("fewer than {fewest} customers have three order dates")
NO_RHYTHMS = N_("no customer of today has three order dates")
FEW_NEWCOMERS = N_("fewer than {fewest} newcomers have reached that age")
NOT_FOLLOWED = N_("the data begin on {day}: no newcomers have reached that age")
NO_COLUMN_CHANNEL = N_("no channel is mapped in the orders")
NO_COLUMN_CAMPAIGN = N_("no campaign is mapped in the orders")
NO_COLUMN_DISCOUNT = N_("no discount and no coupon is mapped in the orders")
PERIOD_RUNS = N_("the data end on {day}, within a month")
NOT_TESTED = N_("{months} months of history: a tested forecast needs {needed}")
NO_SEASON = N_("no repeat revenue in one of the same months a year ago")
FEW_CUSTOMERS = N_("{customers} customers, the model needs {fewest}")
SHORT_DATA = N_("{days} days of data, the model needs {fewest}")
NO_THIRD_ORDER = N_("no customer has ordered three times")
NOT_FITTED = N_("the data do not determine the model")
NOT_TESTED_YET = N_("the data do not allow a test of the forecast")
FORECAST_TOO_LOW = N_("the forecast made on {day} fell {percent}% short of what came")
FORECAST_TOO_HIGH = N_("the forecast made on {day} was {percent}% above what came")
NONE_DUE = N_("no forecast with an interval has come due yet")
NO_TOUCHES = N_("no event is a contact of the types that the profile names")
TOUCHES_BEGIN = N_("the contacts begin on {day}, within the days that are counted")
NO_LIST_PERIOD = N_("no list of the period came back with the day of a contact")
NO_EXPERIMENTS = N_("no experiment has had {days} days")
SAMPLE_RATIO = N_("the arms are not of the planned sizes (p = {p}): the assignment is broken")
NO_PLANNED_SHARE = N_("the arms' planned shares are not given, so their sizes cannot be checked")
FEW_IN_ARM = N_("fewer than {fewest} customers in one of the arms")
SAME_TOUCHES = N_("both arms were contacted equally often")
NOT_ONLY_CONTENT = N_("the arms differ in how often they were contacted, so not in content alone")
SAME_CONTENT = N_("the arms got the same templates")
NO_TEMPLATES = N_("no contact names its template or whether it was personalised")
FEW_SENDS = N_("fewer than two templates reached {fewest} customers")
NO_LIKE_SENDS = N_("no other message reached customers like these in the same week")
NO_CLICKS = N_("no click names a template")
NO_REPEATS = N_("no repeat order in the period")
NO_CHANNEL_COST = N_("no cost of contact names the channel {channel}")
COST_GAP = N_("the costs of {channel} cover only {days} days of the period")
NO_LOADED = N_("no time of loading is mapped in the orders")
FEW_LOADED = N_("fewer than {fewest} orders have a time of loading")
NOT_ARRIVED = N_("of {days} days too little has arrived to tell what is missing")

NO_CONSENT = N_("no opt-out, no failed contact and no address is known of any channel")
DUE_UNKNOWN = N_("who was due on {day} cannot be told from the data before it")
TIER_LATER = N_("the tier is known as of {day} only, long after the period")
AS_OF_TODAY = N_("the tier is known as of today only, so it has seen the orders it is held against")
NO_TIER = N_("the customer file has neither a level nor a segment")
ONE_TIER = N_("fewer than two tiers have {fewest} customers each")
NOT_ORDERED = N_("the order of the tiers cannot be learnt: the data begin on {day}")
NO_REP_TOUCH = N_("no contact names a sales person")
NO_LOGINS = N_("no login of a sales person is among the events")
NO_LOADED_AT = N_("no row that a sales person entered says when it was loaded")
NO_PROMISES = N_("no follow-up was promised for a day of the period")
NO_LISTED = N_("nobody was on a list at the start of the period")
FEW_TO_COMPARE = N_("fewer than {fewest} of the customers touched, or of those not touched")
NO_LISTS_BACK = N_("no list of the period came back, so nobody knows whether lists went out")
TOO_LATE_TO_SEE = N_("nothing of the period is left after the {days} days that a touch is in time")
FEW_STEPPED = N_("fewer than {fewest} customers took the step")
NO_CONTACT_WINDOW = N_("the data hold no whole contact window of {period}")
FEW_CONTACT_WINDOWS = N_("fewer than {fewest} contact windows before it")
FEW_TO_CONVERT = N_("fewer than {fewest} are to be expected to take the step")
OTHER_LABELS = N_("its labels are others in the two windows")
AFTER_REPURCHASE = N_("the step comes after the repurchase")
NO_CAMPAIGNS = N_("no contact names its campaign")
NOBODY_ENTERED = N_("nobody entered the funnel in the contact window")
NO_RUNG_STANDS = N_("no comparison may be stood on, so what is seen is a change and no effect")
MARGIN_NOT_MEASURED = N_("the margin of the treated is not measured in both windows")
REVENUE_NOT_MEASURED = N_("the revenue of the treated is not measured in both windows")
NOTHING_SPENT = N_("no cost is known up to the period's end")
COSTS_NOT_KNOWN = N_("no cost of it is booked or planned, so what it cost is not known")
NO_MEMBERS = N_("nobody was treated in the window after the go-live")
NO_CHANGE_SEEN = N_("the change is not measured")
NO_RISE = N_("the figure did not rise, so there is nothing to share out")
UNBOUNDED = N_("the interval of the effect has no bound")
NOT_WITHIN_HORIZON = N_("not within the horizon of {months} months")
NO_ONE_RATE = N_("the cash does not turn from cost to gain exactly once")
NOTHING_TO_COME = N_("nothing is still to come: the initiative or its horizon has ended")
NOTHING_PROMISED = N_("nobody wrote down what was promised")
RECURS_NOT_TOLD = N_("it is not told whether {amount} of the costs recur, so they are not run on")
NOT_COUNTED_CASHED = N_("not cashed")
NOT_COUNTED_NET = N_("the margin is already net of it")
NOT_COUNTED_SOFT = N_("not valued in money")
OTHERS_NOT_MEASURED = N_(
    "not measured; what the treated bought less elsewhere is taken off already, wherever they buy"
)
NO_WINDOW_BEFORE = N_("the data hold no whole period before the initiative")
NO_WINDOW_AFTER = N_("no whole period after the ramp-up has passed")
YEAR_AGO_BEFORE_DATA = N_("the data begin too late for it")
YEAR_AGO_TREATED = N_("a year before, the initiative was running already")
COSTS_NOT_BY_UNIT = N_("the costs do not say for whom they were spent; for the whole company below")
NO_COST_TO_SERVE = N_("no such cost is booked in the window")
NO_TREATED_UNITS = N_("no treated unit was seen both before and after")
NO_CONTROL_UNITS = N_("everyone was treated at once, or no control was seen before and after")
NO_YEAR_AGO_PERIOD = N_("no month after has its month of the year before in the data")
NO_STEADY_CONTROL = N_("no control was seen in every period")
NOT_SOLVED = N_("no mix of controls could be proved to be the closest, so nothing is said")
TOO_LITTLE_SEEN = N_(
    "too few periods, or a figure that stands still, say nothing of what would follow"
)
WINDOW_SHORTER = N_("the window is shorter than the {days} days that it takes")

ALL = tuple(v for name, v in sorted(globals().items()) if name.isupper() and isinstance(v, str))


def reason(template: str, **values: object) -> str:
    """The English sentence of a record; the template must be one of this list."""
    if template not in ALL:
        raise ValueError(f"{template!r} is not in repurchase.reasons")
    return template.format(**values)


def worded(words: Words, text: str) -> str:
    """The sentence in the reader's language; as it stands if it is nobody's template."""
    for template, pattern in _patterns():
        match = pattern.fullmatch(text)
        if match:
            values = match.groupdict()
            if "day" in values:
                values["day"] = words.day(dt.date.fromisoformat(values["day"]))
            return words._(template, **values)
    return text


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found = []
    for template in ALL:
        parts = re.split(r"\{(\w+)\}", template)
        text = "".join(
            f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)
        )
        found.append((template, re.compile(text)))
    return tuple(found)
