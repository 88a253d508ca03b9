"""Documents in another language: taken apart, asked for in parts, put together again in their own form."""
