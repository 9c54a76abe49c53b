"""The message bus between peers: `/goop/mq/1.0.0` (spec 4)."""
