"""The LinkModel adapter, a folder for one provider."""

from providers.linkmodel.provider import LinkModelProvider

__all__ = ["LinkModelProvider"]
