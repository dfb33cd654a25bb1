"""The fal.ai adapter: its queue through the real client, its prices, and its webhooks' signatures."""

from providers.fal.provider import FalProvider
from providers.fal.webhooks import WebhookVerifier

__all__ = ["FalProvider", "WebhookVerifier"]
