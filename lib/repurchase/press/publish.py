"""Signs a candidate: the same figures and pages, bound again with the name of whoever vouches."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from pydantic import ValidationError

from repurchase.archive import current_pack
from repurchase.errors import PressError, UsageError
from repurchase.params import Params, PeriodFile, Profile, profile_names
from repurchase.period import Period
from repurchase.press import pack, provenance
from repurchase.press.chapters import Chapter, Ran
from repurchase.press.gate import Verdict
from repurchase.press.volume import write_volume
from repurchase.strict import NAME
from repurchase.words import N_, Words

Say = Callable[[str], None]
LONGEST_NAME = 100


@dataclass(frozen=True)
class Signature:
    """Who vouches for a pack, since which day, and whose edition it replaces."""

    by: str
    on: dt.date
    replaces: Mapping[str, Any] | None = None
    edition: int = 1


def publish(
    root: Path,
    profile: str,
    period: Period,
    *,
    by: str,
    on: dt.date,
    republish: bool = False,
    wait: float = 0.0,
    say: Say,
) -> Path:
    """Signs the candidate of a period and puts it in its place; returns where it stands.

    Nothing is run and no figure changes: print and pages are bound again from the candidate's
    executed notebooks, after they have been shown to give the candidate's own bytes. With
    `republish` the candidate beside a signed pack replaces it, and says so in print. Raises
    UsageError for what must not be signed (a draft, a signed pack, none at all), PressError for a
    pack whose files are not those of its manifest.
    """
    name = _checked_name(by)
    reports = _reports(root, profile)
    if not reports.is_dir():
        raise _no_candidate(root, profile, period)
    with pack.held(reports, period, wait=wait, say=say):
        signed = pack.signed_edition(reports, period)
        candidate = _candidate(root, profile, period, signed, republish=republish)
        manifest = _sound(candidate, profile, period)
        signature = Signature(name, on, *_replaced(signed))
        with pack.aside(reports, period) as folder:
            _write_signed(candidate, folder, manifest, signature, root)
            place = pack.place(folder, reports, period)
        write_indexes(reports, params_of(manifest, root))
    shown = place.relative_to(root).as_posix()
    say(f"signed by {name} on {on.isoformat()}: {shown}/review.pdf")
    return place


def write_indexes(reports: Path, params: Params) -> None:
    """The list of periods and the ledger, from the packs."""
    from repurchase.press import pages

    pack.write_indexes(reports, lambda found: pages.archive_page(params, found))


def _reports(root: Path, profile: str) -> Path:
    if not NAME.fullmatch(profile):
        raise UsageError(f"{profile!r} is not a profile name", remedy="PROFILE=demo, for example")
    return root / "reports" / profile


def _checked_name(by: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", by).split())
    hidden = [c for c in name if unicodedata.category(c)[0] == "C"]
    if not name or len(name) > LONGEST_NAME or hidden:
        raise UsageError(
            f"{by[:LONGEST_NAME]!r} is not a name to sign with",
            rule=f"1 to {LONGEST_NAME} characters, all of them visible",
            remedy='--by "First Last" (BY=...)',
        )
    return name


def _candidate(
    root: Path, profile: str, period: Period, signed: Path | None, *, republish: bool
) -> Path:
    reports = root / "reports" / profile
    if signed is None:
        found = current_pack(reports, period.label)
        if found is None:
            raise _no_candidate(root, profile, period)
        return found
    if not republish:
        pack.check_unsigned(reports, period)
    found = current_pack(reports, period.label + pack.BESIDE)
    if found is None:
        raise UsageError(
            f"there is no candidate beside the signed pack of {period.label}",
            where=f"reports/{profile}/{period.label}",
            remedy="make one: monthly-report --republish (REPUBLISH=1)",
        )
    return found


def _no_candidate(root: Path, profile: str, period: Period) -> UsageError:
    reports = root / "reports" / profile
    there = pack.labels(reports)
    known = ", ".join(there) if there else "none"
    if not reports.is_dir() and profile not in profile_names(root):
        return UsageError(
            f"there is no profile {profile!r}",
            remedy=f"profiles here: {', '.join(profile_names(root)) or 'none'}",
        )
    return UsageError(
        f"there is no pack of {profile} {period.label}",
        where=f"reports/{profile}",
        remedy=f"make it: monthly-report; periods here: {known}",
    )


def _sound(candidate: Path, profile: str, period: Period) -> dict[str, Any]:
    """The manifest of a pack that may be signed."""
    manifest = pack.read_manifest(candidate)
    where = f"reports/{profile}/{period.label}"
    if manifest.get("status") != "candidate":
        reasons = " ".join(manifest.get("reasons", ()))
        raise UsageError(
            f"{period.label} is a {manifest.get('status')}: {reasons}".rstrip(": "),
            where=where,
            rule="only a candidate is signed",
            remedy="mend what makes it a draft and run monthly-report again",
        )
    if (manifest.get("profile"), manifest.get("period")) != (profile, period.label):
        raise PressError(
            f"the pack is of {manifest.get('profile')} {manifest.get('period')}", where=where
        )
    damaged = pack.damage(candidate)
    if damaged:
        raise PressError(
            f"{len(damaged)} files are not those of the pack: {', '.join(damaged[:5])}",
            where=where,
            rule="the files of a pack match the hashes in its manifest",
            remedy="run monthly-report again and look at what it says now",
        )
    return manifest


def _replaced(signed: Path | None) -> tuple[dict[str, Any] | None, int]:
    if signed is None:
        return None, 1
    before = pack.read_manifest(signed)
    facts = {name: before.get(name) for name in ("signed_by", "signed_on", "edition")}
    return {"pack": signed.name, **facts}, int(before.get("edition") or 1) + 1


def _write_signed(
    candidate: Path, folder: Path, manifest: dict[str, Any], signature: Signature, root: Path
) -> None:
    params = params_of(manifest, root)
    ran = _executed(candidate, manifest)
    shutil.copytree(candidate, folder, dirs_exist_ok=True)
    unsigned = Verdict("candidate", tuple(manifest["reasons"]))
    _write_and_compare(candidate, ran, params, manifest, unsigned)
    replaces = signature.replaces
    after = {
        **manifest,
        "status": "signed",
        "reasons": [],
        "signed_by": signature.by,
        "signed_on": signature.on.isoformat(),
        "edition": signature.edition,
        "replaces": dict(replaces) if replaces else None,
        "candidate": candidate.name,
        "bound_by_revision": provenance.revision(root),
    }
    sentences = said(signature, Words(params.language))
    write_volume(folder, ran, params, manifest, Verdict("signed", sentences))
    after["files"] = pack.delivered(folder)
    pack.write_json(folder / pack.MANIFEST, after)


def said(signature: Signature, words: Words) -> tuple[str, ...]:
    """What cover and pages say of the signature."""
    lines = [
        words._(N_("Signed by {name} on {day}."), name=signature.by, day=words.day(signature.on))
    ]
    if signature.replaces:
        before = dt.date.fromisoformat(str(signature.replaces["signed_on"]))
        lines.append(
            words._(
                N_("Republished, replaces the edition of {day} signed by {name}."),
                day=words.day(before),
                name=signature.replaces["signed_by"],
            )
        )
    return tuple(lines)


def _write_and_compare(
    candidate: Path, ran: list[Ran], params: Params, manifest: dict[str, Any], verdict: Verdict
) -> None:
    """Raises PressError unless the notebooks still give the candidate's pages and print.

    The executed notebooks have no hash in the manifest (they carry times), and the library that
    binds may have changed since: this shows that what is signed is what was looked at.
    """
    with tempfile.TemporaryDirectory(prefix="repurchase-") as name:
        again = Path(name)
        write_volume(again, ran, params, manifest, verdict)
        files = manifest["files"]
        bound = pack.hashes(again)
        differing = sorted(n for n, digest in bound.items() if files.get(n) != digest)
    if differing:
        raise PressError(
            f"bound again, {len(differing)} files are not the candidate's: {differing[0]}",
            where=f"reports/{params.name}/{manifest['period']}",
            rule="what is signed is what was looked at",
            remedy="the library or the executed notebooks have changed since: run monthly-report"
            " again, look at it, then sign",
        )


def params_of(manifest: Mapping[str, Any], root: Path) -> Params:
    """The parameters that a pack was made with, but for its sources, from its manifest."""
    told = manifest["parameters"]
    try:
        # not strictly: dates and amounts are texts in a manifest
        profile = Profile.model_validate({**told["profile"], "sources": {}}, strict=False)
        period_file = PeriodFile.model_validate(told["period_file"], strict=False)
    except (ValidationError, KeyError, TypeError):
        raise PressError(
            "the pack was made by another release: its parameters cannot be read",
            where=f"reports/{manifest.get('profile')}/{manifest.get('period')}",
            remedy="run monthly-report again",
        ) from None
    period = Period.parse(str(manifest["period"]))
    return Params(str(manifest["profile"]), profile, root, period, period_file)


def _executed(candidate: Path, manifest: Mapping[str, Any]) -> list[Ran]:
    """The pack's executed notebooks, in the order in which they ran."""
    ran = []
    for chapter in manifest["chapters"]:
        path = candidate / pack.RESTRICTED / "notebooks" / f"{chapter['name']}.ipynb"
        try:
            notebook = nbformat.read(os.fspath(path), as_version=4)
        except (OSError, ValueError):
            raise PressError(
                f"the executed notebook of {chapter['name']} cannot be read",
                where=f"reports/{manifest['profile']}/{manifest['period']}/{pack.RESTRICTED}",
                remedy="run monthly-report again",
            ) from None
        ran.append(Ran(Chapter(chapter["name"], path, own=chapter["own"]), notebook))
    return ran
