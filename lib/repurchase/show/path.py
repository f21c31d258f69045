"""The ways that customers went after contact, where the time goes, who answered campaigns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from repurchase.analysis.path import BACK, MORE, OTHERS, SEPARATOR, STAGE, longest
from repurchase.analysis.path import shown as commonest
from repurchase.context import Context
from repurchase.reasons import worded
from repurchase.records import Result
from repurchase.show.blocks import Cell, Column, Note, Table
from repurchase.show.sentences import DASH, paragraph
from repurchase.show.style import csv_text
from repurchase.show.tables import shortened, value_name
from repurchase.words import N_, Words

EVENTS = {
    "sms": N_("text message"),
    "email_sent": N_("e-mail"),
    "wechat": N_("WeChat message"),
    "call": N_("call"),
    "visit": N_("visit"),
    "mailing": N_("mailing"),
    "sms_click": N_("click in a text message"),
    "email_click": N_("click in an e-mail"),
    "wechat_click": N_("click in WeChat"),
    "web_view": N_("page view"),
    "cart": N_("basket"),
    "quote": N_("quotation"),
    "opp_stage": N_("stage of an opportunity"),
    "ticket_open": N_("complaint"),
    "ticket_close": N_("complaint closed"),
    "points_earn": N_("points earned"),
    "points_redeem": N_("points redeemed"),
    "coupon_redeemed": N_("coupon redeemed"),
    "login": N_("login"),
    "unsubscribe": N_("request for no more"),
    BACK: N_("coming back"),
    MORE: N_("more"),
}
SHOWN_TRANSITIONS = 12
SHOWN_CAMPAIGNS = 15
CAMPAIGN_CUTS = {"all": "", "channel": N_("Channel"), "campaign": N_("Campaign")}
ARROW = " → "


def event_name(words: Words, kind: str) -> str:
    """What a type of event is called; one that is not ours keeps its name."""
    if kind in EVENTS:
        return words._(EVENTS[kind])
    name, _, stage = kind.partition(":")
    if name == STAGE and stage:
        return words._("stage {stage}", stage=shortened(stage))
    return shortened(kind)


def path_name(words: Words, path: str) -> str:
    """The types of a way in their order."""
    return ARROW.join(event_name(words, kind) for kind in path.split(SEPARATOR))


def paths(result: Result, *, id: str | None = None) -> Table | Note:
    """The commonest ways of those who came back and of those who did not."""
    context: Context = result.context
    words = context.words
    if result.frame.empty:
        return _not_computed(result)
    columns = (
        Column(words._("Way after contact"), "left", "fr"),
        Column(words._("Came back"), "right"),
        Column(words._("of all who did"), "right"),
        Column(words._("Did not"), "right"),
        Column(words._("of all who did not"), "right"),
        Column(words._("Began so"), "right"),
        Column(words._("Came back later, 95% interval"), "right"),
    )
    shown = commonest(result.frame)
    rows = [_path_row(words, row) for row in shown.to_dict("records")]
    fewest = words.count(context.params.profile.funnel_rules.fewest_on_path)
    caption = [
        words._(
            "Events from the entry into the funnel to coming back, or to the end of the window;"
            " repeats of one kind stand once, opens are left out. Came back later: of all whose way"
            " began so, however it went on. Customers chose their way, and the company chose whom"
            " to contact: no way is shown to work by this. Coming back: the last step of the funnel"
            " that is an order, or its last step."
        ),
        words._(
            "Shown are the commonest of both groups; the others stand in the data, those of fewer"
            " than {fewest} customers as one.", fewest=fewest,
        ),
    ]  # fmt: skip
    return Table(
        columns, tuple(rows), id=id, title=_paths_title(words, result),
        caption=paragraph(words, caption), csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _path_row(words: Words, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    other = row["path"] == OTHERS
    name = (
        words._("{count} rarer ways", count=words.count(row["ways"]))
        if other else path_name(words, row["path"])
    )  # fmt: skip
    interval = f"{words.number(row['low'] * 100, 1)}–{words.share(row['high'])}"
    return (
        Cell(name, muted=other),
        words.count(row["came"]),
        _share(words, row["came_share"]),
        words.count(row["stayed"]),
        _share(words, row["stayed_share"]),
        words.count(row["reached"]),
        f"{words.share(row['share'])} ({interval})",
    )


def _share(words: Words, value: float) -> str:
    return DASH if math.isnan(value) else words.share(value)


def _paths_title(words: Words, result: Result) -> str:
    frame = result.frame
    came = int(frame["came"].sum())
    told = frame[frame["path"] != OTHERS]
    if not came or told.empty:
        return words._("Which way did customers go after contact?")
    best = told.loc[told["came"].idxmax()]
    return words._(
        "{share} of the {n} who came back came by the way: {way}",
        share=words.share(float(best["came_share"])), n=words.count(came),
        way=path_name(words, str(best["path"])),
    )  # fmt: skip


def transitions(result: Result, *, id: str | None = None) -> Table | Note:
    """Days from one kind of event to the next, and which part of the whole time that is."""
    context: Context = result.context
    words = context.words
    if result.frame.empty:
        return _not_computed(result)
    columns = (
        Column(words._("From"), "left", "fr"),
        Column(words._("To"), "left", "fr"),
        Column(words._("Times"), "right"),
        Column(words._("Half within, days"), "right"),
        Column(words._("90% within, days"), "right"),
        Column(words._("by those who came back"), "right"),
        Column(words._("Share of their time"), "right"),
    )
    told = result.frame[result.frame["start"] != OTHERS]
    ranked = told.sort_values(["time_share", "customers"], ascending=False, kind="stable")
    shown = ranked.head(SHOWN_TRANSITIONS)
    rows = [_transition_row(words, row) for row in shown.to_dict("records")]
    rest = result.frame.drop(shown.index)
    if len(rest):
        share = float(rest["time_share"].sum())
        times, back = (words.count(float(rest[c].sum())) for c in ("customers", "returned"))
        dash = Cell(DASH, muted=True)
        rows.append((Cell(words._("all others"), muted=True), "", times, dash, dash, back,
                     words.share(share)))  # fmt: skip
    caption = words._(
        "Days of those who went on to the next kind of event; times are told to the hour. Share of"
        " their time: of all the time that those who came back took from entry to coming back."
    )
    return Table(
        columns, tuple(rows), id=id, title=_time_title(words, result), caption=caption,
        csv=csv_text(result.frame), size="small",
    )  # fmt: skip


def _transition_row(words: Words, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    return (
        event_name(words, row["start"]),
        event_name(words, row["end"]),
        words.count(row["customers"]),
        words.number(row["median"], 1),
        words.number(row["p90"], 1),
        words.count(row["returned"]),
        _share(words, row["time_share"]),
    )


def _time_title(words: Words, result: Result) -> str:
    most = longest(result.frame)
    if most is None:
        return words._("Where does the time go?")
    return words._(
        "The largest part of the time to coming back ({share}) passes between {start} and {end}",
        share=words.share(float(most["time_share"])),
        start=event_name(words, str(most["start"])), end=event_name(words, str(most["end"])),
    )  # fmt: skip


def campaign_answers(result: Result, *, id: str | None = None) -> Table | Note:
    """Contacts by channel and campaign, and how many were answered; no effect is claimed."""
    context: Context = result.context
    words = context.words
    if result.frame.empty:
        return _not_computed(result)
    columns = (
        Column(words._("Campaigns by"), "left", "fr"),
        Column(words._("First contact"), "right"),
        Column(words._("Contacts"), "right"),
        Column(words._("Answered"), "right"),
        Column(words._("Share, 95% interval"), "right"),
    )
    frame = result.frame
    rows: list[tuple[str | Cell, ...]] = []
    for cut, name in CAMPAIGN_CUTS.items():
        part = frame[frame["cut"] == cut]
        shown = part.head(SHOWN_CAMPAIGNS)
        if cut != "all":
            rows.append((Cell(words._(name), bold=True), *[""] * 4))
        rows += [_campaign_row(words, row) for row in shown.to_dict("records")]
    whole = frame.iloc[0]
    days = words.count(context.params.profile.funnel_rules.response_days)
    caption = [
        words._(
            "A contact is a customer and a campaign; answered by an event of the same customer with"
            " the same campaign. Campaigns of the last 24 months."
        ),
        words._("The largest {count} campaigns; the others stand in the data.",
                count=words.count(SHOWN_CAMPAIGNS)) if _cut_off(frame) else "",
        words._("{count} contacts of the last {days} days may still be answered.",
                count=words.count(int(whole["young"])), days=days) if whole["young"] else "",
        words._(
            "Contact was not randomised: who was chosen may have answered more than others would."
            " The shares describe whom a campaign reached and are no effect of it."
        ),
    ]  # fmt: skip
    return Table(
        columns, tuple(rows), id=id, title=_campaign_title(words, whole.to_dict()),
        caption=paragraph(words, caption), csv=csv_text(frame), size="small",
    )  # fmt: skip


def _cut_off(frame: pd.DataFrame) -> bool:
    return int((frame["cut"] == "campaign").sum()) > SHOWN_CAMPAIGNS


def _campaign_row(words: Words, row: Mapping[Any, Any]) -> tuple[str | Cell, ...]:
    name = words._("All campaigns") if row["cut"] == "all" else _label(words, row)
    interval = f"{words.number(row['low'] * 100, 1)}–{words.share(row['high'])}"
    return (
        name,
        words.day(row["first"]),
        words.count(row["contacts"]),
        words.count(row["answered"]),
        f"{words.share(row['share'])} ({interval})",
    )


def _label(words: Words, row: Mapping[Any, Any]) -> str:
    if not row["label"]:
        return words._("not known")
    return shortened(value_name(words, row["cut"], row["label"]))


def _campaign_title(words: Words, row: Mapping[Any, Any]) -> str:
    return words._(
        "{answered} of {contacts} campaign contacts were answered ({share})",
        answered=words.count(row["answered"]), contacts=words.count(row["contacts"]),
        share=words.share(row["share"]),
    )  # fmt: skip


def _not_computed(result: Result) -> Note:
    words = result.context.words
    said = dict.fromkeys(worded(words, r.reason) for r in result.records if r.reason)
    return Note(words._("Not computed: {reason}.", reason=words.listed(list(said))), "unsure")
