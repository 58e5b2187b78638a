"""Entry: what the mappings of all YAML files of this program have in common, as a pydantic model.

A kind of mapping is a subclass with a field for each key. It must not convert a value to another type by itself.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from gtm.config.fields import error

Value = TypeVar("Value")


class Entry(BaseModel):
    """A mapping of a file: unknown keys are errors, and no value is converted to another type by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @field_validator("*", mode="before")
    @classmethod
    def _says_something(cls, value: Value, info: ValidationInfo) -> Value:
        """Refuses a key without a value, also where the key may be left out: it is a slip."""
        field = cls.model_fields[info.field_name or ""]
        if value is None and not field.is_required() and field.default is None:
            raise error("there is nothing here; fill it in, or remove the key")
        return value
