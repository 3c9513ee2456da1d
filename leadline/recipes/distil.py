"""Numbers for `distil`. A recipe is a function that returns a whole TrainConfig."""

from dataclasses import fields, replace

from leadline.methods.catalog import default_config
from leadline.methods.network_config import NetworkConfig
from leadline.recipes.selfsup import selfsup_rooms
from leadline.training.config import TrainConfig


def distil_rooms() -> TrainConfig:
    """The network of selfsup-rooms taught by --method.plain and --method.robust, or by files (--data.labels); no truth is used."""
    rooms = selfsup_rooms()
    network = {field.name: getattr(rooms.method, field.name) for field in fields(NetworkConfig)}
    return replace(rooms, method=replace(default_config("distil"), **network))
