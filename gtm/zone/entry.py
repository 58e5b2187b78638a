"""Entry: what every mapping of a zone or node file has in common, as a pydantic model."""

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """A mapping of the file: unknown keys are errors, and nothing is converted on the quiet."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
