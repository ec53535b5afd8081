"""Watch lists, the alerts kept of watched subjects, and the webhooks that tell clients of them."""
