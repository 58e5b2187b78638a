"""What this node writes to disks and peers, as pydantic models: nothing unknown, nothing converted on the quiet."""

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """A mapping of JSON that this program composed, or something that pretends to be one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
