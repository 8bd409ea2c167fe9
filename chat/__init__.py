"""What a messenger does, with no socket in sight: users, conversations, commands, the journal."""

from chat import handlers as _handlers  # noqa: F401 - registers the handlers of all requests
