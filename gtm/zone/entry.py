"""Entry: what every mapping of a zone or node file has in common, as a pydantic model."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from gtm.zone.fields import error

Value = TypeVar("Value")


class Entry(BaseModel):
    """A mapping of the file: unknown keys are errors, and nothing is converted on the quiet."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Value, info: ValidationInfo) -> Value:
        """A key with nothing behind it is a slip, even where leaving the key out is fine."""
        field = cls.model_fields[info.field_name or ""]
        if value is None and not field.is_required() and field.default is None:
            raise error("there is nothing here; fill it in, or remove the key")
        return value
