"""A small OAuth 2 issuer of the project's own, for development: client credentials in, short tokens out."""
