"""The base of every config: frozen, and a field that it does not know is refused."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A validated config; unknown fields are refused and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
