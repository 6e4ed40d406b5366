"""Where bearer tokens and API keys come from, and their renewal.

A kind of credential is a module here with a class that fetches tokens (token_source.TokenSource); choose.py
makes the one that the settings name, and tokens.py renews its tokens in time, for all requests at once.
"""
