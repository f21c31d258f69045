"""Says SAMPLE on every block that comes of a sample: the one place that does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any, TypeVar

from repurchase.context import Context
from repurchase.records import Result
from repurchase.show import blocks
from repurchase.words import N_

F = TypeVar("F", bound=Callable[..., Any])
MARK = N_("SAMPLE of {share} of the customers")
# Where the mark stands in a block of each kind; the first of them that has a text.
PLACES: dict[type[blocks.Block], tuple[str, ...]] = {
    blocks.Headline: ("text",),
    blocks.Figure: ("title", "caption"),
    blocks.Table: ("title", "caption"),
    blocks.Note: ("title", "text"),
    blocks.Text: ("text",),
}


def marks_samples(function: F) -> F:
    """A show function whose blocks say so where one of its arguments comes of a sample."""

    @functools.wraps(function)
    def shown(*args: Any, **options: Any) -> Any:
        found = function(*args, **options)
        context = next(_sampled((*args, *options.values())), None)
        return sample_block(found, context) if context and found is not None else found

    return shown  # type: ignore[return-value]


def _sampled(values: Iterable[Any]) -> Any:
    """The contexts of samples among these results, contexts and collections of them."""
    for value in values:
        context = value.context if isinstance(value, Result) else value
        if isinstance(context, Context):
            if context.sample is not None:
                yield context
        elif isinstance(value, list | tuple):
            yield from _sampled(value)


def sample_block(block: Any, context: Context) -> Any:
    """The block with the mark before its title or text; itself if `context` is of no sample."""
    if context.sample is None or not isinstance(block, blocks.Block):
        return block
    digits = 0 if round(context.sample * 100) == round(context.sample * 100, 6) else 1
    mark = context.words._(MARK, share=context.words.share(context.sample, digits))
    return _marked(block, mark)


def _marked(block: Any, mark: str) -> Any:
    if isinstance(block, blocks.Row):
        return replace(block, blocks=tuple(_marked(one, mark) for one in block.blocks))
    if isinstance(block, blocks.Kpis):
        cards = (replace(one, note=_joined(mark, one.note)) for one in block.items)
        return replace(block, items=tuple(cards))
    if isinstance(block, blocks.ListBlock):
        items = (replace(one, title=_joined(mark, one.title)) for one in block.items)
        return replace(block, items=tuple(items))
    places = PLACES.get(type(block), ())
    known = {field.name for field in fields(block)}
    place = next((p for p in places if p in known and getattr(block, p)), places[-1])
    return replace(block, **{place: _joined(mark, getattr(block, place))})


def _joined(mark: str, text: str | None) -> str:
    return f"{mark} · {text}" if text else mark
