"""What this node keeps on disk, as pydantic models: nothing unknown, nothing converted on the quiet."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gtm.errors import StateInvalid
from gtm.health.verdict.reading import clean_detail

NameText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""Of a node or a vantage."""

_Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
_Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Position = tuple[_Latitude, _Longitude]
"""In degrees, as geo/place.py has it."""


class Wire(BaseModel):
    """A mapping of JSON that this program composed, or something that pretends to be one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_Kept = TypeVar("_Kept", bound=Wire)


def parse_kept(model: type[_Kept], text: str, *, what: str) -> _Kept:
    """Returns the text of a file as a model. Raises StateInvalid when it is none; `what` says what should be there."""
    try:
        return model.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid(f"the saved {what} cannot be read: " + clean_detail(str(error))) from error
