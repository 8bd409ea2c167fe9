"""The command palette: the commands, the conversations and the keys, by a part of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher

from cli.tui.completion import all_commands
from cli.tui.keys import KEYS, Where
from cli.tui.sidebar import title_of

if TYPE_CHECKING:
    from cli.tui.app import Messenger
    from cli.tui.chat import ChatScreen


class Offer(NamedTuple):
    """Something to be found."""

    title: str
    help: str
    """What it does, in words of ours without brackets, which would be taken for markup."""
    do: Callable[[], object]


class ChatCommands(Provider):
    """Finds what can be done in the chat."""

    async def search(self, query: str) -> Hits:
        """Yield what a part of a name is found in."""
        matcher = self.matcher(query)
        for offer in self._offers():
            score = max(matcher.match(offer.title), matcher.match(offer.help) / 2)
            if score > 0:
                title = _highlighted(matcher, offer.title)
                yield Hit(score, title, offer.do, help=offer.help)

    async def discover(self) -> Hits:
        """Yield everything, before anything has been typed."""
        for offer in self._offers():
            yield DiscoveryHit(Content(offer.title), offer.do, help=offer.help)

    def _offers(self) -> Iterator[Offer]:
        chat = cast("Messenger", self.app).chat
        if chat is None:
            return
        voice = chat.voice
        for place in chat.board.roster.ordered:
            title = voice.say("Go to {place}", place=title_of(place, voice))
            yield Offer(title, "", partial(chat.go, place.info.id))
        for command in all_commands():
            usage = voice.say(command.usage) if command.usage else ""
            title = f"/{command.name} {usage}".rstrip()
            yield Offer(title, voice.say(command.help), partial(_type, chat, command.name, usage))
        for key in KEYS:
            if key.where is Where.CHAT and key.shown and key.action:
                do = partial(chat.run_action, key.action)
                yield Offer(f"{voice.say(key.help)} ({key.shown})", "", do)


def _highlighted(matcher: Matcher, title: str) -> Content:
    """Return a title with what was looked for marked in it; its brackets are no markup."""
    content = Content(title)
    _score, offsets = matcher.fuzzy_search.match(matcher.query, title)
    for offset in offsets:
        content = content.stylize(matcher.match_style, offset, offset + 1)
    return content


def _type(chat: ChatScreen, name: str, usage: str) -> None:
    """Begin a command, or do it at once where nothing has to be added."""
    if not usage and chat.talk is not None:
        chat.talk.enter(f"/{name}", chat.here)
    else:
        chat.composer.put(f"/{name} ")
    chat.write()
