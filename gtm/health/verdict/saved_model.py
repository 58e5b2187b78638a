"""Saved files of a node as pydantic models: unknown keys are refused, and no value is converted to another type."""

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
    """Returns the model in the JSON text of a file. Raises StateInvalid if it is invalid; `what` names its content."""
    try:
        return model.model_validate_json(text)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid(f"the saved {what} cannot be read: " + clean_detail(str(error))) from error
