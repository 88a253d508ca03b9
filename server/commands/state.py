"""Where what outlives the process is kept."""

from ..settings import Settings
from ..spending import Database, PostgresDatabase, StateStore


def state_store(settings: Settings) -> StateStore:
    """The server that is set, or a file in the state folder. Where that server's URL cannot be read: in memory."""
    if settings.mend("BAILIAN_STATE_URL"):
        return Database()
    if settings.state_url:
        return PostgresDatabase(settings.state_url.get_secret_value(), settings.redact)
    return Database(settings.state_folder)
