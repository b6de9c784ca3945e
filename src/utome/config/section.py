"""What every group of settings is, and the numbers that they share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A group of settings; abstract. Frozen, and an unknown name is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
