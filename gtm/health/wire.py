"""What this node writes to disks and peers, as pydantic models: nothing unknown, nothing converted on the quiet."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NameText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""Of a node or a vantage."""

_Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
_Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Position = tuple[_Latitude, _Longitude]
"""In degrees, as geo/place.py has it."""


class Wire(BaseModel):
    """A mapping of JSON that this program composed, or something that pretends to be one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
