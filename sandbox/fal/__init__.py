"""fal.ai as a client sees it: queue, webhooks, Platform API and generated files."""
