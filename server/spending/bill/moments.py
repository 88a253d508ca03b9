"""Times of a bill, which are Beijing's."""

import re
from datetime import datetime, timedelta, timezone

BILL_CLOCK = timezone(timedelta(hours=8))
MOMENT_TEXT = re.compile(
    r"(?:(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})日?|(\d{4})(\d{2})(\d{2}))"
    r"(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(Z|[-+]\d{2}:?\d{2})?"
)


def moment_in(text: str) -> datetime | None:
    """The moment a cell holds, as Beijing's clock shows it; midnight where it is a day only; None for anything else."""
    if not (found := MOMENT_TEXT.fullmatch(text)):
        return None
    *digits, zone = found.groups()
    year, month, day = (int(part) for part in digits[:6] if part)
    hour, minute, second = (int(part or 0) for part in digits[6:])
    try:
        moment = datetime(year, month, day, hour, minute, second)
        if zone:
            moment = moment.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo)
            moment = moment.astimezone(BILL_CLOCK).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return moment
